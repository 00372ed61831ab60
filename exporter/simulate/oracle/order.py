"""A policy that knows in which order requests are worked on; it polls those whose turn it is."""

from array import array
from bisect import bisect_left, insort
from collections.abc import Sequence
from math import inf, nan

from exporter.core.learned.pacer import Pacer
from exporter.core.schedule import Unfinished
from exporter.simulate.oracle.stateless import Stateless
from exporter.simulate.trace import Trace


class InOrder(Stateless):
    """The first `width` of the unfinished requests in the order of their start, in turn."""

    def __init__(self, trace: Trace, *, width: int, rate: float, burst: int, now: float) -> None:
        starts = sorted(range(len(trace)), key=lambda place: (_start(trace, place), place))
        self._rank = array("q", [0]) * len(trace)
        for rank, place in enumerate(starts):
            self._rank[place] = rank
        self._place = array("q", starts)
        self._width = width
        self._pacer = Pacer(rate=rate, burst=burst, now=now)
        self._line: list[int] = []
        self._asked = array("d", [nan]) * len(trace)

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], *, now: float) -> None:
        del requests, now
        for slot in slots:
            self._asked[slot] = -inf
            insort(self._line, self._rank[slot])

    def forget(self, slot: int) -> None:
        place = bisect_left(self._line, self._rank[slot])
        if place < len(self._line) and self._line[place] == self._rank[slot]:
            del self._line[place]

    def unfinished(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        del now, erring
        self._asked[slot] = sent

    def again(self, slot: int, *, now: float, not_before: float = 0.0) -> None:
        del now, not_before
        insort(self._line, self._rank[slot])

    def next(self, now: float) -> int | None:
        if not self._line or not self._pacer.ready(now):
            return None
        slot = min((self._place[rank] for rank in self._line[: self._width]), key=self._asked.__getitem__)
        self.forget(slot)
        self._pacer.spend()
        return slot

    def due(self) -> float | None:
        return self._pacer.due() if self._line else None

    def blocked(self, until: float) -> None:
        self._pacer.blocked(until)


def _start(trace: Trace, place: int) -> float:
    started = trace[place].started
    return inf if started is None else started
