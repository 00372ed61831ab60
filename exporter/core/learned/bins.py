"""Ages in bins whose edges grow by a constant ratio, so that one table holds seconds and days."""

from math import log

FIRST_EDGE = 0.25
RATIO = 1.025
LAST_EDGE = 3 * 86400.0


class Bins:
    """Bins [0, 0.25), [0.25, 0.25625) … whose edges grow by 2.5 % up to three days; the last one is open."""

    def __init__(self) -> None:
        self._log_ratio = log(RATIO)
        self.size = int(log(LAST_EDGE / FIRST_EDGE) / self._log_ratio) + 2
        self._last = self.size - 1.0
        self.edges = [0.0] + [FIRST_EDGE * RATIO**k for k in range(self.size)]
        self.widths = [self.edges[k + 1] - self.edges[k] for k in range(self.size)]

    def of(self, age: float) -> int:
        """The bin of an age in seconds."""
        return int(self.place(age))

    def nearest(self, age: float) -> int:
        """The edge nearest to an age."""
        return int(self.place(age) + 0.5)

    def place(self, age: float) -> float:
        """Where an age lies among the edges: between 3 and 4 when it lies between the edges of these numbers."""
        if age < FIRST_EDGE:
            return age / FIRST_EDGE
        place = log(age / FIRST_EDGE) / self._log_ratio + 1
        return place if place < self._last else self._last


BINS = Bins()
