"""The order of one API's queue, as far as the answers show that there is one."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from math import exp, expm1, log

from exporter.core.learned.durations import SHORTEST_GAP
from exporter.core.learned.frontier import Frontier
from exporter.core.learned.load import Load
from exporter.core.learned.roster import Peers, Roster
from exporter.core.learned.value import value

# How much of the finishing is taken to happen anywhere, whatever the order says.
ANYWHERE = 0.05
# Every how many answers teach the frontier while it does not decide.
BYSTANDER = 3


class Order:
    """The frontier, once a request has told its place in the order of submission."""

    def __init__(self, roster: Roster, load: Load) -> None:
        self.frontier: Frontier | None = None
        self._roster = roster
        self._load = load
        self._lesson: Mapping[str, Sequence[float]] = {}
        self._anywhere = 0.1
        self._off = 0.0
        self._answers = 0

    def submitted(self, first: int, newest: int, now: float) -> bool:
        """Whether these are the first that have an order."""
        new = self.frontier is None
        if self.frontier is None:
            self.frontier = Frontier(first, now)
            with suppress(KeyError, IndexError, TypeError, ValueError, OverflowError):
                self.frontier.restore(self._lesson)
        self.frontier.submitted(newest)
        return new

    def of(self, slot: int) -> Frontier | None:
        """The frontier, where it tells of this request."""
        return self.frontier if self._roster.peers[slot] == Peers.FRESH else None

    def best(self, slots: Iterable[int], now: float, *, unfinished: int) -> tuple[int | None, float]:
        """Who of them, all FRESH, is worth most, and how much that is, in seconds of delay."""
        best, most, frontier = None, 0.0, self.frontier
        if frontier is None:
            return best, most
        roster = self._roster
        anywhere = ANYWHERE * max(self._load.finish_rate(now), 0.1) / max(1, unfinished)
        for slot in slots:
            unasked = now - roster.since(slot)
            gathered, hazard = frontier.hazard(roster.order[slot], now, since=roster.unseen(slot, now))
            worth = value(gathered + anywhere * unasked, hazard + anywhere)
            if worth > most and unasked >= SHORTEST_GAP:
                best, most = slot, worth
        return best, most

    def learn(self, slot: int, now: float, *, finished: bool, deciding: bool) -> None:
        """Where another view decides, a part of the answers is enough to know whether order would do better."""
        frontier = self.of(slot)
        if frontier is None:
            return
        self._answers += 1
        if deciding or self._answers % BYSTANDER == 0:
            frontier.learn(self._roster.order[slot], now, finished=finished, since=self._roster.unseen(slot, now))

    def delay(self, slot: int, now: float, frontier: Frontier, *, unfinished: int) -> float:
        """How late a finish is noticed now. What order does not explain finished anywhere in its window: a mixture whose
        weight is learned (EM)."""
        order, since, window = self._roster.order[slot], self._roster.unseen(slot, now), now - self._roster.since(slot)
        in_order = -expm1(-frontier.hazard(order, now, since=since)[0]) * (1 - self._anywhere)
        rate = max(self._load.finish_rate(now), 0.01) / max(1, unfinished)
        anywhere = -expm1(-window * rate) * self._anywhere + 1e-9
        explained = in_order / (in_order + anywhere)
        self._anywhere = min(0.9, max(0.01, 0.98 * self._anywhere + 0.02 * (1 - explained)))
        return explained * min(window, frontier.delay(order, now, since=since)) + (1 - explained) * window

    def place(self, slot: int, lower: float, upper: float, frontier: Frontier, level: float) -> float:
        """The time of a finish in (lower, upper] that is the earlier one with probability `level`."""
        ago = frontier.quantile(self._roster.order[slot], upper, since=upper - lower, level=level)
        return max(lower, upper - ago)

    def queue_speed(self, per_second: float, now: float) -> None:
        """The vendor's figure may count all its customers: what it was off by so far is taken into account, and it tells
        more of a change than of the size."""
        own = self._load.finish_rate(now)
        if self.frontier is None or per_second <= 0 or own <= 0:
            return
        off = log(per_second / own)
        self._off += 0.1 * (off - self._off)
        if abs(off - self._off) < 1.0:
            return
        expected = per_second / exp(self._off)
        self.frontier.pull(expected, 0.5 * expected, now)

    def state(self) -> Mapping[str, Sequence[float]]:
        return self._lesson if self.frontier is None else self.frontier.state()

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """What it tells is taken over with the first request that has an order, if it is one of ours."""
        self._lesson = state
