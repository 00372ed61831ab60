"""The distribution of durations as it truly was: finishes over time at risk, in bins of about as many finishes each."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import inf

_BINS = 60
_FEWEST = 8
# A bin in which nothing happens for more than this part of it is cut there: the gap between two modes is no part of either.
_GAP = 0.5


class Hazard:
    """Hazard h (1/s) and cumulative hazard H over age.

    finished   ages at the finish
    unfinished ages up to which others were seen, without a finish
    excluded   intervals of age [from, to) in which a request was not at risk
    """

    def __init__(
        self, finished: Iterable[float], unfinished: Iterable[float] = (), excluded: Sequence[tuple[float, float]] = ()
    ) -> None:
        events = sorted(finished)
        risk = Risk([*events, *unfinished], excluded)
        self.edges = _edges(events)
        self.hazards = [_rate(events, risk, low, high) for low, high in pairwise(self.edges)]
        self.hazards.append(self._beyond(risk))
        widths = (high - low for low, high in pairwise(self.edges))
        steps = (width * hazard for width, hazard in zip(widths, self.hazards, strict=False))
        self.cumulative = [0.0, *accumulate(steps)]

    def _beyond(self, risk: "Risk") -> float:
        """After the last finish: as before it, or next to nothing where others were seen to go on."""
        at_risk = risk.below(inf) - risk.below(self.edges[-1])
        return min(self.hazards[-1], 0.5 / at_risk) if at_risk > 0 else self.hazards[-1]

    def bin(self, age: float) -> int:
        return max(0, bisect_right(self.edges, age) - 1)

    def hazard(self, age: float) -> float:
        return self.hazards[bisect_right(self.edges, age) - 1]

    def integrated(self, age: float) -> float:
        """H(age)."""
        k = bisect_right(self.edges, age) - 1
        return self.cumulative[k] + (age - self.edges[k]) * self.hazards[k]


class Risk:
    """The time that all requests together were at risk below an age."""

    def __init__(self, ends: Iterable[float], excluded: Sequence[tuple[float, float]]) -> None:
        self._ends = _Clipped(ends)
        self._starts_out = _Clipped(start for start, _ in excluded)
        self._ends_out = _Clipped(end for _, end in excluded)

    def below(self, age: float) -> float:
        return self._ends.sum(age) - self._ends_out.sum(age) + self._starts_out.sum(age)


class _Clipped:
    """The sum of min(value, limit) over values."""

    def __init__(self, values: Iterable[float]) -> None:
        self._values = sorted(values)
        self._sums = [0.0, *accumulate(self._values)]

    def sum(self, limit: float) -> float:
        below = bisect_right(self._values, limit)
        above = len(self._values) - below
        return self._sums[below] + (limit * above if above else 0.0)


def _edges(events: Sequence[float]) -> list[float]:
    """From 0; nothing happens before the first event."""
    if not events:
        return [0.0, 1.0]
    size = max(_FEWEST, len(events) // _BINS)
    cuts = [*events[: len(events) - size // 2 : size], events[-1]]
    edges = [0.0]
    for place, (low, high) in enumerate(pairwise(cuts)):
        edges.append(low)
        if place < len(cuts) - 2:
            edges.extend(_gap(events[place * size : place * size + size + 1], high - low))
    edges.append(events[-1])
    return sorted({edge for edge in edges if edge > 0} | {0.0}) if events[-1] > 0 else [0.0, 1e-3]


def _gap(events: Sequence[float], width: float) -> tuple[float, ...]:
    size, low, high = max(((high - low, low, high) for low, high in pairwise(events)), default=(0, 0, 0))
    return (low, high) if size > _GAP * width else ()


def _rate(events: Sequence[float], risk: Risk, low: float, high: float) -> float:
    """Events in (low, high] over the time at risk."""
    count = bisect_right(events, high) - bisect_right(events, low)
    at_risk = risk.below(high) - risk.below(low)
    return count / at_risk if at_risk > 0 else 0.0
