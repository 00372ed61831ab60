"""The door of an account: every call is counted here, and those over the limit are turned away."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import NamedTuple

from exporter.errors import ConfigurationError

DAY = 86400.0


class Kind(StrEnum):
    """What a call is for; OTHER for paths that no API has."""

    STATUS = "status"
    METRICS = "metrics"
    SUBMIT = "submit"
    OTHER = "other"


POLLS = "polls"
ALL = "all"
_GROUPS = {
    Kind.STATUS: (Kind.STATUS, POLLS, ALL),
    Kind.METRICS: (Kind.METRICS, POLLS, ALL),
    Kind.SUBMIT: (Kind.SUBMIT, ALL),
    Kind.OTHER: (Kind.OTHER, ALL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who may call, and how often: `calls` in any `period` seconds and `daily` in any 24 h; None for no limit.
    The key of a `wrong_region` account is good, but at another host: every call is answered 401.
    """

    name: str = "demo"
    key: str = "demo-key"
    calls: int | None = 25
    period: float = 5.0
    daily: int | None = None
    wrong_region: bool = False

    def __post_init__(self) -> None:
        if not self.name or not self.key:
            raise ConfigurationError(["an account of the simulator needs a name and a key"])
        if any(calls is not None and calls < 1 for calls in (self.calls, self.daily)) or self.period <= 0:
            raise ConfigurationError(["a limit of the simulator must be at least 1 call in a period above 0"])


class Call(NamedTuple):
    """One line of the door's log. `account` is empty for an unknown key, `code` 0 for a connection that was reset before the
    call was handled."""

    time: float
    account: str
    kind: Kind
    code: int


class Busiest:
    """The most events that any window [t, t + period) has held: two events exactly a period apart share no window."""

    __slots__ = ("_period", "_times", "most")

    def __init__(self, period: float) -> None:
        self._period = period
        self._times: deque[float] = deque()
        self.most = 0

    def add(self, now: float) -> None:
        times, period = self._times, self._period
        times.append(now)
        while now - times[0] >= period:
            times.popleft()
        if len(times) > self.most:
            self.most = len(times)


class Window:
    """Lets at most `calls` in during any window [t, t + period)."""

    __slots__ = ("_times", "calls", "period")

    def __init__(self, calls: int, period: float) -> None:
        self.calls = calls
        self.period = period
        self._times: deque[float] = deque()

    def full(self, now: float) -> bool:
        times = self._times
        while times and now - times[0] >= self.period:
            times.popleft()
        return len(times) >= self.calls

    def add(self, now: float) -> None:
        self._times.append(now)

    def wait(self, now: float) -> float:
        """Seconds until a call may come in."""
        excess = len(self._times) - self.calls
        return max(0.0, self._times[excess] + self.period - now) if excess >= 0 and self._times else 0.0


class Refusal(NamedTuple):
    """Which limit is used up, and the seconds until it lets a call in."""

    calls: int
    period: float
    wait: float

    @property
    def message(self) -> str:
        return f"API calls exceeded the limit of {self.calls} in {self.period:g} second(s)"

    @property
    def retry_after(self) -> str:
        return str(max(1, ceil(self.wait)))


class Door:
    """Counts the calls of one account, whatever becomes of them."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.revoked = 0
        self.codes: dict[Kind, Counter[int]] = {kind: Counter() for kind in Kind}
        self._windows = _windows(account)
        self._busiest = _groups(account.period)
        self._busiest_day = _groups(DAY) if account.daily is not None else {}

    def change(self, account: Account) -> None:
        """Other limits or another key; what was counted so far no longer fills the windows, but stays in the figures."""
        self.account = account
        self._windows = _windows(account)

    def knock(self, now: float, kind: Kind, *, counts: bool = True, even_refused: bool = False) -> Refusal | None:
        """Count a call, and say whether it has to be turned away. `counts` is False for calls that no limit holds for."""
        for group in _GROUPS[kind]:
            self._busiest[group].add(now)
            if self._busiest_day:
                self._busiest_day[group].add(now)
        if not counts:
            return None
        full = None
        for window in self._windows:
            if window.full(now):
                full = window
        if full is None or even_refused:
            for window in self._windows:
                window.add(now)
        return None if full is None else Refusal(full.calls, full.period, full.wait(now))

    def busiest(self) -> dict[str, int]:
        """The most calls that a window of the account's period has held, by kind, for `polls` (status and metrics) and `all`."""
        return {str(group): busiest.most for group, busiest in self._busiest.items()}

    def busiest_day(self) -> dict[str, int]:
        """The same for 24 h; empty for an account without a daily limit."""
        return {str(group): busiest.most for group, busiest in self._busiest_day.items()}


def busiest_window(times: Iterable[float], period: float) -> int:
    """The most of these ascending times that any window [t, t + period) holds."""
    busiest = Busiest(period)
    for time in times:
        busiest.add(time)
    return busiest.most


def _groups(period: float) -> dict[str, Busiest]:
    return {group: Busiest(period) for group in (*Kind, POLLS, ALL)}


def _windows(account: Account) -> tuple[Window, ...]:
    limits = ((account.calls, account.period), (account.daily, DAY))
    return tuple(Window(calls, period) for calls, period in limits if calls is not None)
