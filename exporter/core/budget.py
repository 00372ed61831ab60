"""How many calls an account may still make: an exact sliding log over several windows.

A call occupies its windows from before it is sent until one period after its answer has arrived. The vendor counted it at
some moment in between, which no latency can move out: calls that were counted less than a period apart have therefore
been in our window together, and we never let more than the allowed number be there.

Where the calls of others pass through this process, whole windows hold theirs and ours together. Theirs never wait, and may
overfill them; ours start only while there is room in their own windows and in the whole ones.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from math import ceil, inf

# Clocks of two machines agree on the length of a period only so far; also keeps equal times from meeting in a closed window.
MARGIN = 0.010

# A call that was given up may still be on its way: the vendor's gateway gives up after 29 s itself.
LOST_CALL_SECONDS = 30.0

# A process that died may have had calls on their way; they arrive within this time of its successor's start.
RESTART_SECONDS = 2.0

# What has left a window that has room is forgotten once in this part of its length.
_FORGETTING = 0.1
RESERVATION = 0
WHOLE = "whole "
WHOLE_ENTRIES = 500
DAILY = "daily"
UNLIMITED = sys.maxsize


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`calls` in any `seconds`. Ends of calls are rounded up to multiples of `grain` seconds (0: not at all), which keeps
    the log of a long window short and never counts a call too few. `whole` limits count the calls of others too.
    UNLIMITED calls are counted and wait for nothing: the limit may be there again tomorrow."""

    name: str
    calls: int
    seconds: float
    grain: float = 0.0
    durable: bool = False
    whole: bool = False

    @property
    def bounded(self) -> bool:
        return self.calls < UNLIMITED


def burst(*, calls: int, seconds: float) -> Limit:
    return Limit(name="burst", calls=calls, seconds=seconds)


def daily(calls: int) -> Limit:
    """24 h; one entry a minute keeps the log at 1,441 entries however many calls there are."""
    return Limit(name=DAILY, calls=calls, seconds=86400.0, grain=60.0, durable=True)


def whole(limit: Limit, *, calls: int) -> Limit:
    """What the account may make in the window of `limit`, all its users together. Others are not held to any number of
    calls, so that their ends are rounded: the log stays short however many there are."""
    grain = limit.grain or limit.seconds / WHOLE_ENTRIES
    return replace(limit, name=f"{WHOLE}{limit.name}", calls=calls, grain=grain, whole=True)


def tells_of_others(spent: Iterable["Spent"]) -> bool:
    """Whether calls may be among these that others made in the last day."""
    return any(one.window == f"{WHOLE}{DAILY}" for one in spent)


def is_daily(window: str) -> bool:
    """Whether this is the stored name of a window that is kept for a day, whoever is configured meanwhile."""
    return window.removeprefix(WHOLE) == DAILY


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Calls to be kept: `calls` that ended by `time`, or, under the key RESERVATION, calls that may be made before the
    next statement (`time` None)."""

    window: str
    key: int
    calls: int
    time: float | None


@dataclass(frozen=True, slots=True)
class Statement:
    """What was spent when `started` calls had been started."""

    spent: tuple[Spent, ...]
    started: int


class Window:
    """The calls of one window: those under way, and those that ended less than a period ago. `credit` is how many may start
    before the next stored reservation."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.credit = 0
        self.under_way = 0
        self._ended: dict[float, int] = {}
        self._ends: list[float] = []
        self._ended_total = 0
        # While there is room, calls that have left the window are forgotten many at once.
        self._forgets = 0.0
        self._unsaved: set[float] = set()

    def used(self, now: float) -> int:
        self._expire(now)
        return self.under_way + self._ended_total

    def frees_at(self, now: float, calls: int) -> float:
        """When fewer than `calls` will be in the window: `now` if so already, inf if it takes an answer first."""
        excess = self.under_way + self._ended_total - calls
        if excess < 0 and now < self._forgets:
            return now
        self._expire(now)
        excess = self.under_way + self._ended_total - calls
        if excess < 0:
            return now
        if self._ends and excess < self._ended[self._ends[0]]:
            return self._ends[0] + self.limit.seconds + MARGIN
        for end in sorted(self._ends):
            excess -= self._ended[end]
            if excess < 0:
                return end + self.limit.seconds + MARGIN
        return inf

    def start(self) -> None:
        self.under_way += 1
        self.credit -= 1

    def end(self, at: float) -> None:
        """A call under way is over by `at`, which may lie ahead for a call whose fate is unknown."""
        self.under_way -= 1
        self.record(at, 1)

    def record(self, at: float, calls: int) -> None:
        grain = self.limit.grain
        end = ceil(at / grain) * grain if grain else at
        if end in self._ended:
            self._ended[end] += calls
        else:
            self._ended[end] = calls
            heappush(self._ends, end)
        self._ended_total += calls
        if self.limit.durable:
            self._unsaved.add(end)

    def unsaved(self, now: float) -> list[tuple[float, int]]:
        """The part of the log that changed since it was last stored."""
        self._expire(now)
        return [(end, self._ended[end]) for end in sorted(self._unsaved)]

    def restate(self) -> None:
        """Nothing of the log is stored as it should be."""
        self._unsaved = set(self._ended)

    def saved(self, stated: Iterable[Spent]) -> None:
        """These are stored; what changed since they were stated is not."""
        self._unsaved -= {one.time for one in stated if one.time is not None and self._ended.get(one.time) == one.calls}

    def log(self, now: float) -> list[tuple[float, int]]:
        """Ended calls that still count, as (end, calls), oldest first."""
        self._expire(now)
        return sorted(self._ended.items())

    def key(self, end: float, number: int) -> int:
        """What an entry of the log is stored under: the same at every statement where entries are rounded."""
        return round(end / self.limit.grain) if self.limit.grain else number

    def _expire(self, now: float) -> None:
        ends = self._ends
        if not ends:
            return
        seconds = self.limit.seconds
        # Added up as in `frees_at`: rounded otherwise, a call could be free and its place still taken.
        while ends and ends[0] + seconds + MARGIN <= now:
            end = heappop(ends)
            self._ended_total -= self._ended.pop(end)
            self._unsaved.discard(end)
        self._forgets = now + _FORGETTING * self.limit.seconds


class Budget:
    """All windows of an account. `pace` (0 < pace <= 1) narrows the burst window after the vendor said 429.

    A durable window lets a call start only against a reservation that is already stored, so that a crash, after which
    nobody knows how many calls were made, can at most waste the rest of the reservation.
    """

    def __init__(self, limits: Iterable[Limit]) -> None:
        self.windows = [Window(limit) for limit in limits]
        self._pace = 1.0
        self._started = 0
        self._under_way = 0
        self._others_under_way = 0
        self._others_waiting = 0
        self._stated: Statement | None = None
        self._narrow()

    @property
    def pace(self) -> float:
        return self._pace

    @pace.setter
    def pace(self, pace: float) -> None:
        if pace != self._pace:
            self._pace = pace
            self._narrow()

    def free(self, now: float) -> bool:
        return self.free_at(now) <= now

    def free_at(self, now: float) -> float:
        """When the next call may start; inf when an answer or a stored reservation has to come first."""
        # Asked before every call: loops, because generators would take as long as all the rest of it.
        free = now
        for window, calls, reserved in self._binding:
            if reserved and window.credit <= 0:
                return inf
            at = window.frees_at(now, calls)
            if at > free:
                free = at
        return free

    def start(self) -> None:
        self._under_way += 1
        self._started += 1
        for window in self.windows:
            window.under_way += 1
            window.credit -= 1

    def end(self, at: float) -> None:
        self._under_way -= 1
        for window in self.windows:
            window.end(at)

    def start_other(self) -> None:
        """A call of somebody else passes: it waits for nothing."""
        self._others_under_way += 1
        self._started += 1
        for window in self._whole():
            window.start()

    def end_other(self, at: float) -> None:
        self._others_under_way -= 1
        for window in self._whole():
            window.end(at)

    def other_free_at(self, now: float) -> float:
        """When a call of somebody else would have its place in the account's burst window; inf when that takes an answer."""
        short = (window for window in self._whole() if not window.limit.durable)
        return max((window.frees_at(now, window.limit.calls) for window in short), default=now)

    @contextmanager
    def other_waiting(self) -> Iterator[None]:
        """A call of somebody else waits for its place: the next one is not ours."""
        self._others_waiting += 1
        self._narrow()
        try:
            yield
        finally:
            self._others_waiting -= 1
            self._narrow()

    def fill(self, now: float) -> None:
        """Treat our burst windows as full: another process may have made the calls that this one does not know of, and
        some of them may be on their way still. The calls that others made before it started are past before ours begin."""
        for window in self._own_bursts():
            window.record(now + RESTART_SECONDS, window.limit.calls)

    def proven(self, spent: Iterable[Spent]) -> bool:
        """Whether the statement of a clean stop tells of the burst windows as they are now. It does not where none was busy
        then, or where the period was changed since: what a longer one would hold was forgotten."""
        told = {one.window for one in spent}
        return all(_stored_name(window) in told for window in self._own_bursts())

    def restore(self, spent: Iterable[Spent], now: float) -> None:
        """Take over what an earlier process has spent. Where a stepped clock puts a time far ahead of now, it counts as
        no further ahead than a lost call can be."""
        windows = {_stored_name(window): window for window in self.windows}
        for one in spent:
            if one.window in windows:
                windows[one.window].record(
                    now if one.time is None else min(one.time, now + LOST_CALL_SECONDS), one.calls
                )

    def knows_of_others(self, now: float) -> bool:
        """Whether calls may be in the day's window that others made."""
        return any(window.limit.whole and window.limit.durable and window.used(now) > 0 for window in self.windows)

    def holds(self, window: str) -> bool:
        """Whether calls stored for this window can be restored."""
        return any(_stored_name(one) == window for one in self.windows)

    def resize(self, limits: Iterable[Limit], now: float) -> None:
        """Change the limits and keep what was spent. A window that got longer may have forgotten calls: it counts as full."""
        former = {window.limit.name: window for window in self.windows}
        # Calls without a limit were not reserved.
        reserved = {name: one.credit for name, one in former.items() if one.limit.durable and one.limit.bounded}
        self.windows = [self._resized(former, limit, now) for limit in limits]
        for window in self.windows:
            window.credit = reserved.get(window.limit.name, 0)
        # A statement that is being stored now was about the former limits.
        self._stated = None
        self._narrow()

    def wants_reservation(self) -> bool:
        """Whether a durable window is about to run out of stored reservation, or has calls to be stored."""
        # A loop, as above.
        for window, low in self._low:  # noqa: SIM110
            if window.credit <= low:
                return True
        return False

    def restate(self) -> None:
        """The next statement tells all, and not only what changed."""
        for window in self._durable():
            window.restate()

    def statement(self, now: float) -> Statement:
        """What to store before more calls are made: how each durable window's log changed, and a fresh reservation."""
        spent = [one for window in self._durable() for one in self._account_for(window, now)]
        self._stated = Statement(tuple(spent), self._started)
        return self._stated

    def reserved(self, statement: Statement) -> None:
        """The statement is stored: calls may be made against its reservation, less those started meanwhile."""
        if statement is not self._stated:
            return
        # Calls of others count in each window here, although not all are in all: at worst a reservation ends early.
        since = self._started - statement.started
        for window in self._durable():
            mine = [one for one in statement.spent if one.window == window.limit.name]
            if mine:
                window.credit = self._block(window) - since
                window.saved(mine)

    def closing_statement(self, now: float) -> list[Spent]:
        """The exact log of every window, for a clean stop: no call is under way and none will start."""
        return [
            Spent(window=_stored_name(window), key=window.key(end, number), calls=calls, time=end)
            for window in self.windows
            for number, (end, calls) in enumerate(window.log(now), start=1)
        ]

    def _narrow(self) -> None:
        """Work out what depends on limits and pace alone: once for many calls.

        rate      calls/s that can go on for ever while others make none
        _binding  windows that can be full, how many calls may be in them, and whether they need a stored reservation
        _low      durable windows, and the credit at which the next reservation is wanted
        """
        own = [window for window in self.windows if not window.limit.whole]
        self.rate = min((self._calls(window) / window.limit.seconds for window in own), default=inf)
        bounded = [window for window in self.windows if window.limit.bounded]
        self._binding = [(window, self._calls(window), window.limit.durable) for window in bounded]
        self._low = [(window, self._block(window) // 2) for window in self._durable()]

    def _durable(self) -> list[Window]:
        return [window for window in self.windows if window.limit.durable]

    def _own_bursts(self) -> list[Window]:
        return [window for window in self.windows if not (window.limit.durable or window.limit.whole)]

    def _whole(self) -> list[Window]:
        return [window for window in self.windows if window.limit.whole]

    def _calls(self, window: Window) -> int:
        """How many may be in the window, with the next one, when that one is ours."""
        limit = window.limit
        if limit.whole:
            return limit.calls - self._others_waiting
        return limit.calls if limit.durable else max(1, int(limit.calls * self.pace))

    def _block(self, window: Window) -> int:
        return max(1, min(100, window.limit.calls // 100))

    def _account_for(self, window: Window, now: float) -> list[Spent]:
        name = window.limit.name
        unsaved = enumerate(window.unsaved(now), start=1)
        ended = [Spent(window=name, key=window.key(end, i), calls=calls, time=end) for i, (end, calls) in unsaved]
        ahead = window.under_way + (self._block(window) if window.limit.bounded else 0)
        return [*ended, Spent(window=name, key=RESERVATION, calls=ahead, time=None)]

    def _opened(self, limit: Limit, own: Window | None, now: float) -> Window:
        """A window that was not there before: what it should have seen is taken from ours of the same length."""
        window = Window(limit)
        for end, calls in own.log(now) if own is not None else ():
            window.record(end, calls)
        for _ in range(self._under_way + (self._others_under_way if limit.whole else 0)):
            window.start()
        return window

    def _resized(self, former: dict[str, Window], limit: Limit, now: float) -> Window:
        window = former.get(limit.name)
        if window is None:
            return self._opened(limit, former.get(limit.name.removeprefix(WHOLE)), now)
        longer = limit.seconds > window.limit.seconds
        window.limit = limit
        if longer:
            window.record(now, max(0, limit.calls - window.used(now)))
        return window


def _stored_name(window: Window) -> str:
    """A burst window is stored with its length, because the configuration may change it before the next start."""
    limit = window.limit
    return limit.name if limit.durable else f"{limit.name} {limit.seconds:g}s"
