"""A part of the polls for a purpose: what it found, and when it is its turn."""

_MEMORY = 0.98
# Where hardly anything is found, one poll is not worth infinitely more than another.
_LEAST = 0.02


class Rate:
    """A discounted share of successes."""

    def __init__(self, successes: float, trials: float) -> None:
        self.successes, self.trials = successes, trials

    def saw(self, success: float) -> None:
        self.successes = self.successes * _MEMORY + success
        self.trials = self.trials * _MEMORY + 1

    @property
    def value(self) -> float:
        return self.successes / self.trials

    def over(self, other: "Rate") -> float:
        """How many times the other's value this one is, at least 0."""
        value, base = self.successes / self.trials, other.successes / other.trials
        return (value if value > 0 else 0.0) / (base if base > _LEAST else _LEAST)


class Ration:
    """Saves up a share of each poll until it makes a whole one; no more than `most`, so that nothing is made up for at length."""

    def __init__(self, most: float, saved: float = 0.0) -> None:
        self._most = most
        self._saved = saved
        self.due = saved >= 1

    def grow(self, share: float) -> None:
        saved = self._saved + share
        self._saved = saved = saved if saved < self._most else self._most
        self.due = saved >= 1

    def spend(self) -> None:
        self._saved -= 1
        self.due = self._saved >= 1
