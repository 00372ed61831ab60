"""What an operator is promised of how soon a finish is noticed, and how far it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf


@dataclass(frozen=True, slots=True)
class Effort:
    """A finish is noticed on average within `part` of the time that requests last, or `least` seconds, whichever is longer."""

    part: float
    least: float

    @property
    def saves(self) -> bool:
        """Whether a poll is ever left out that the budget allows."""
        return self.least > 0


EFFORTS: Mapping[str, Effort] = {
    "low": Effort(1 / 3, 30.0),
    "normal": Effort(0.1, 5.0),
    "high": Effort(0.0, 0.0),
}
# So much of what is promised is aimed at: estimates are off, and trouble comes.
AIM = 0.6
_LEAST_AIM = 0.1
# Finishes that means remember.
_MEMORY, _LONG_MEMORY = 200.0, 1000.0
# How fast the price follows what is measured, in its logarithm, for each finish that is noticed.
_STEP = 0.05
_LEAST, _MOST = 0.01, 10.0
_PATIENCE = 2.0
_HARDEST = -1.5
# With a smaller part of the price than this, polls are no longer saved.
SAVING = 0.02


class Promise:
    """`part` of the planned price of a poll is asked: less while finishes are noticed late, more while they are early."""

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self.part = 1.0
        # Mean seconds that requests last, of late and for long, and that finishes are noticed late, for long.
        self.lasting = self._lasted = self._late = 0.0
        self._finishes = 0.0
        self.aim = self._aim()

    def _aim(self) -> float:
        """The mean delay to reach, in seconds: less than is promised while more than that was reached for long."""
        if not self.effort.saves:
            return 0.0
        usual = AIM * self._promised(min(self.lasting, self._lasted))
        left = 1 - self._late / self._promised(self._lasted)
        return usual * min(1.0, max(_LEAST_AIM, left / (1 - AIM)))

    def _promised(self, lasting: float) -> float:
        return max(self.effort.part * lasting, self.effort.least)

    @property
    def unnoticed(self) -> float:
        """The part of all requests that have finished unnoticed, where finishes are as late as promised."""
        promised = self._promised(self.lasting)
        return promised / (self.lasting + promised)

    def patience(self, age: float) -> float:
        """How long a request of this age, which has outlasted most others, may go unasked: nothing else is known of when it
        finishes, so that it is about half as late."""
        least, longest = _PATIENCE * self.aim, _PATIENCE * AIM * self.effort.part * age
        return longest if longest > least else least

    def noticed(self, delay: float, *, lasted: float, saving: bool) -> None:
        """A finish was noticed about `delay` seconds late, of a request that lasted `lasted` seconds. It was not the price that
        made it late where no polls were saved."""
        self._finishes = min(_LONG_MEMORY, self._finishes + 1)
        self.lasting += (lasted - self.lasting) / min(_MEMORY, self._finishes)
        self._lasted += (lasted - self._lasted) / self._finishes
        self._late += (delay - self._late) / self._finishes
        self.aim = self._aim()
        if self.effort.saves:
            step = max(_HARDEST, _STEP * (1 - delay / self.aim))
            if saving or step > 0:
                self.part = min(_MOST, max(_LEAST, self.part * exp(step)))

    def state(self) -> list[float]:
        """JSON, for `restore`."""
        return [self.lasting, self._lasted, self._late, self._finishes]

    def restore(self, state: Sequence[float]) -> None:
        """Raises TypeError or ValueError when `state` is none of ours."""
        lasting, lasted, late, finishes = state
        if not (all(0 <= one < inf for one in (lasting, lasted, late)) and 0 <= finishes <= _LONG_MEMORY):
            raise ValueError("not what a promise has stored")
        self.lasting, self._lasted, self._late, self._finishes = (
            float(lasting),
            float(lasted),
            float(late),
            float(finishes),
        )
        self.aim = self._aim()
