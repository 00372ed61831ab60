"""Polls of requests picked uniformly at random: the only ones that tell without bias what nobody has noticed yet."""

from math import sqrt

from exporter.core.learned.ration import Ration
from exporter.core.schedule import Undetected

SHARE = 0.02
SHARE_IN_TURN = 0.01
_MEMORY = 0.985
_HOARD = 2.0


class Probes:
    """When the next one is due, and what they found."""

    def __init__(self) -> None:
        # The polls that are to be made so. One at once: at light load its share alone would leave the estimate missing for minutes.
        self.owed = Ration(_HOARD, saved=1.0)
        self._finished = 0.0
        self._made = 0.0
        self._squares = 0.0

    def made(self, *, finished: bool) -> None:
        self._finished = self._finished * _MEMORY + finished
        self._made = self._made * _MEMORY + 1
        self._squares = self._squares * _MEMORY**2 + 1

    def undetected(self, unfinished: int) -> Undetected | None:
        """None before the first probe. The share is Agresti and Coull's, the sample as large as its discounted weights."""
        if not self._made:
            return None
        sample = self._made**2 / self._squares
        share = (self._finished / self._made * sample + 2) / (sample + 4)
        plain = self._finished / self._made
        return Undetected(plain * unfinished, sqrt(share * (1 - share) / (sample + 4)) * unfinished)
