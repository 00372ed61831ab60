"""A policy that knows the true distribution of durations, and how it changes; it polls whoever is worth most."""

from array import array
from collections.abc import Iterable, Sequence
from math import inf, log, nan, sqrt

from exporter.core.learned.bins import BINS
from exporter.core.learned.lineup import Chains
from exporter.core.learned.pacer import Pacer
from exporter.core.learned.value import value
from exporter.core.schedule import Unfinished
from exporter.simulate.oracle.hazard import Hazard
from exporter.simulate.oracle.stateless import Stateless
from exporter.simulate.trace import Trace

# Nobody is asked twice within this time.
_SHORTEST_GAP = 0.15
# A poll that is worth less, in seconds of delay, is better saved up for later.
_CHEAPEST = 0.02
# When nothing is worth a poll, it is looked again after so many seconds.
_IDLE = 0.1
# Two parts of a trace differ when the Kolmogorov-Smirnov statistic is beyond this: chance makes it so once in 10,000 times.
_DIFFERENT = 2.2
_SMALLEST_PART = 200
_MOST_CUTS = 3
_CUTS_TRIED = 40
_ERROR_AGES = 1.5


class Regime:
    """The distributions of durations of the requests submitted in one part of a trace.

    `fresh` is by age while a request shows no ERROR; `erring` by the time since it last showed one, given its age then.
    """

    def __init__(self, trace: Trace, horizon: float) -> None:
        self._horizon = horizon
        self._retried = [request for request in trace if request.retries]
        self._erring: dict[int, Hazard] = {}
        ends = [(one.finished, horizon, one.origin) for one in trace]
        self.fresh = Hazard(
            [end - origin for end, _, origin in ends if end is not None],
            [max(0.0, last - origin) for end, last, origin in ends if end is None],
            [(start - one.origin, end - one.origin) for one in self._retried for start, end in one.retries],
        )

    def erring(self, age: float) -> tuple[int, Hazard]:
        """The distribution of the time that is left to a request that shows an ERROR at this age, and its number."""
        number = max(0, int(log(max(age, 1.0)) / log(_ERROR_AGES)))
        if number not in self._erring:
            self._erring[number] = self._left(_ERROR_AGES ** (number + 0.5))
        return number, self._erring[number]

    def _left(self, age: float) -> Hazard:
        waiting = [one for one in self._retried if one.waiting_at(one.origin + age)] or self._retried
        left = [(one.finished or self._horizon) - one.origin - age for one in waiting]
        return Hazard([max(1e-3, seconds) for seconds in left] or [1.0])


def regimes(trace: Trace, horizon: float) -> list[tuple[int, Regime]]:
    """Parts of the trace whose durations differ, as (first place, its distributions)."""
    lasted = [(inf if one.finished is None else one.finished) - one.origin for one in trace]
    starts = [0, *sorted(_cuts(lasted, 0, len(trace), _MOST_CUTS))]
    return [
        (start, Regime(trace[start:end], horizon)) for start, end in zip(starts, [*starts[1:], len(trace)], strict=True)
    ]


class ByDuration(Stateless):
    """Requests in groups of about the same age at their last poll, so that a pick compares the head of each."""

    def __init__(self, trace: Trace, *, horizon: float, rate: float, burst: int, now: float) -> None:
        self._regimes = regimes(trace, horizon)
        self._regime = array("b", [0]) * len(trace)
        for number, (start, _) in enumerate(self._regimes):
            self._regime[start:] = array("b", [number]) * (len(trace) - start)
        self._pacer = Pacer(rate=rate, burst=burst, now=now)
        self._chains = Chains()
        # Groups by regime, kind of table and what was gathered by the last poll, and by age where that tells more.
        self._groups: dict[tuple[int, int, int], int] = {}
        self._tables: list[Hazard] = []
        self._origin, self._asked = array("d", [nan]) * len(trace), array("d", [nan]) * len(trace)
        # The age from which a request's hazard is counted, and what it had gathered by its last poll.
        self._clock, self._seen = array("d", [nan]) * len(trace), array("d", [nan]) * len(trace)
        self._waiting = 0
        self._idle_until = -inf

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], *, now: float) -> None:
        for slot, request in zip(slots, requests, strict=True):
            self._origin[slot] = self._clock[slot] = self._asked[slot] = request.origin
            self._enter(slot, erring=False)
        self._idle_until = min(self._idle_until, now + _IDLE)

    def forget(self, slot: int) -> None:
        self._chains.remove(slot)

    def unfinished(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        self._clock[slot] = sent if erring else self._origin[slot]
        self._asked[slot] = sent
        self._seen[slot] = nan if erring else 0.0

    def again(self, slot: int, *, now: float, not_before: float = 0.0) -> None:
        del now, not_before
        self._enter(slot, erring=self._seen[slot] != self._seen[slot])

    def next(self, now: float) -> int | None:
        if not self._pacer.ready(now):
            return None
        slot = self._best(now)
        if slot is None:
            self._idle_until = now + _IDLE
            return None
        self._chains.remove(slot)
        self._waiting -= 1
        self._pacer.spend()
        return slot

    def due(self) -> float | None:
        return max(self._pacer.due(), self._idle_until) if self._waiting else None

    def blocked(self, until: float) -> None:
        self._pacer.blocked(until)

    def _best(self, now: float) -> int | None:
        best, most = None, _CHEAPEST
        for group, slot in self._chains.heads.items():
            table, age = self._tables[group], now - self._clock[slot]
            worth = value(table.integrated(age) - self._seen[slot], table.hazard(age))
            if worth > most and now - self._asked[slot] >= _SHORTEST_GAP:
                best, most = slot, worth
        return best

    def _enter(self, slot: int, *, erring: bool) -> None:
        number, age = self._regime[slot], self._asked[slot] - self._clock[slot]
        regime = self._regimes[number][1]
        if erring:
            error, table = regime.erring(self._clock[slot] - self._origin[slot])
            key, self._seen[slot] = (number, error, 0), 0.0
        else:
            table = regime.fresh
            key, self._seen[slot] = (number, table.bin(age), -1 - BINS.of(age) // 2), table.integrated(age)
        group = self._groups.setdefault(key, len(self._groups))
        if group == len(self._tables):
            self._tables.append(table)
        self._chains.append((slot,), group)
        self._waiting += 1


def _cuts(lasted: list[float], start: int, end: int, left: int) -> list[int]:
    """Where to cut, and cut again, so that the parts differ."""
    if not left or end - start < 2 * _SMALLEST_PART:
        return []
    first, last = start + _SMALLEST_PART, end - _SMALLEST_PART
    step = max(1, (end - start) // _CUTS_TRIED)

    def best(places: Iterable[int]) -> tuple[float, int]:
        return max((_difference(lasted[start:place], lasted[place:end]), place) for place in places)

    _, near = best(range(first, last + 1, step))
    difference, cut = best(range(max(first, near - step), min(last, near + step) + 1, max(1, step // 10)))
    if difference < _DIFFERENT:
        return []
    return [cut, *_cuts(lasted, start, cut, left - 1), *_cuts(lasted, cut, end, left - 1)]


def _difference(these: list[float], those: list[float]) -> float:
    """The Kolmogorov-Smirnov statistic of two samples."""
    marked = sorted([(one, 1 / len(these)) for one in these] + [(one, -1 / len(those)) for one in those])
    ahead = most = 0.0
    for place, (seconds, step) in enumerate(marked):
        ahead += step
        if place + 1 == len(marked) or marked[place + 1][0] > seconds:
            most = max(most, abs(ahead))
    return most * sqrt(len(these) * len(those) / (len(these) + len(those)))
