"""What polls have shown of how long requests last.

A poll at age u of a request that was last seen unfinished at age l is a Bernoulli trial: it finds a finish with probability
1 - S(u) / S(l), whatever made somebody poll at these ages. So all that is to be known of the polls is how many trials there
were between each two ages, and how many of them found a finish.
"""

from math import exp

from exporter.core.learned.bins import BINS

# A trial is forgotten as requests finish, but trials at about the same age that follow it take no more than this part of its
# weight each: what was once seen at ages at which nobody asks any more is kept although others are busy. The weight depends
# on when was asked, never on the answer, so that nothing is biased.
_REPLACED = 1 / 40
# Ages within a factor of 1.16.
_BINS_A_CELL = 6
_BITS = 10
_EDGE = (1 << _BITS) - 1
# What weighs less than this part of a trial is dropped.
_LEAST = 0.02

# Edges of bins (first, last), finishes found between them, and trials that found none. Where first is last, both ages were in
# this one bin, and the fourth number is the seconds at risk there.
Count = tuple[int, int, float, float]


class Trials:
    """Counts by the edges nearest to both ages; bins are narrow, so that this shifts a window by 1 % of its age at most."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._found: dict[int, list[float]] = {}
        # By cell of the age at the poll: what a trial weighs there now, and how many requests had finished at the last one.
        self._weights: dict[int, list[float]] = {}

    def add(self, lower: float, upper: float, *, found: bool, finishes: float) -> None:
        """A poll at age `upper` of a request last seen unfinished at age `lower`, after so many finishes."""
        start, end = BINS.place(lower), BINS.place(upper)
        first, last = int(start + 0.5), int(end + 0.5)
        other = 0.0 if found else 1.0
        if first >= last or int(start) == int(end):
            first = last = int((start + end) / 2)
            other = (upper - lower) * (0.5 if found else 1.0)
        weight = self._weigh(last // _BINS_A_CELL, finishes)
        count = self._found.setdefault(first << _BITS | last, [0.0, 0.0])
        count[0] += found * weight
        count[1] += other * weight

    def counts(self) -> list[Count]:
        """All trials, in units of the next one at about the same age; forgets those that weigh next to nothing."""
        scales = {cell: 1 / weight for cell, (weight, _) in self._weights.items()}
        counts, faded = [], []
        for key, (found, other) in self._found.items():
            last = key & _EDGE
            scale = scales[last // _BINS_A_CELL]
            if (found + other) * scale < _LEAST:
                faded.append(key)
            else:
                counts.append((key >> _BITS, last, found * scale, other * scale))
        for key in faded:
            del self._found[key]
        return counts

    def restore(self, counts: list[Count], finishes: float) -> None:
        """Take over what `counts` gave."""
        self._weights = {last // _BINS_A_CELL: [1.0, finishes] for _, last, _, _ in counts}
        self._found = {first << _BITS | last: [found, other] for first, last, found, other in counts}

    def _weigh(self, cell: int, finishes: float) -> float:
        entry = self._weights.setdefault(cell, [1.0, finishes])
        if entry[1] == finishes:
            return entry[0]
        entry[0] *= exp(min((finishes - entry[1]) / self._memory, _REPLACED))
        entry[1] = finishes
        if entry[0] > 1e6:
            self._rescale(cell, entry)
        return entry[0]

    def _rescale(self, cell: int, entry: list[float]) -> None:
        for key, count in self._found.items():
            if (key & _EDGE) // _BINS_A_CELL == cell:
                count[0] /= entry[0]
                count[1] /= entry[0]
        entry[0] = 1.0
