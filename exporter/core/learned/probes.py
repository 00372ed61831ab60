"""Polls of requests picked uniformly at random: the only ones that tell without bias what nobody has noticed yet."""

from math import sqrt

from exporter.core.learned.ration import Ration
from exporter.core.schedule import Undetected

SHARE = 0.02
SHARE_IN_TURN = 0.01
# What a probe showed is remembered for the estimate that is told …
_MEMORY = 0.985
# … and for whether to save polls now.
_SHORT_MEMORY = 0.9
_HOARD = 2.0


class Sample:
    """Discounted polls of requests drawn at random, and how many of them found a finish."""

    def __init__(self, memory: float) -> None:
        self._kept = memory
        self._found = self._made = self._squares = 0.0

    def saw(self, *, finished: bool) -> None:
        self._found = self._found * self._kept + finished
        self._made = self._made * self._kept + 1
        self._squares = self._squares * self._kept**2 + 1

    def undetected(self, unfinished: int) -> Undetected | None:
        """None before the first. The share is Agresti and Coull's, the sample as large as its discounted weights."""
        if not self._made:
            return None
        size = self._made**2 / self._squares
        share = (self._found / self._made * size + 2) / (size + 4)
        return Undetected(self._found / self._made * unfinished, sqrt(share * (1 - share) / (size + 4)) * unfinished)


class Probes:
    """When the next one is due, and what they found."""

    def __init__(self) -> None:
        # The polls that are to be made so. One at once: at light load its share alone would leave the estimate missing for minutes.
        self.owed = Ration(_HOARD, saved=1.0)
        self._all, self._latest = Sample(_MEMORY), Sample(_SHORT_MEMORY)

    def made(self, *, finished: bool) -> None:
        self._all.saw(finished=finished)
        self._latest.saw(finished=finished)

    def undetected(self, unfinished: int) -> Undetected | None:
        """None before the first probe."""
        return self._all.undetected(unfinished)

    def surely(self) -> float:
        """What part of the requests has finished unnoticed by the latest probes, at least: two standard errors below that."""
        found = self._latest.undetected(1)
        return 0.0 if found is None else found.requests - 2 * found.error
