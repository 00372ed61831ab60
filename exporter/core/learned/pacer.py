"""Spreads calls evenly over the time that a budget allows them in."""

from math import inf

# A little faster than the budget, so that it is the budget that binds and no call of it is left unused.
HASTE = 1.03
# Times since the epoch are exact to 1e-7 s: a call that is due must not have to wait for less.
TOLERANCE = 0.005


class Pacer:
    """A credit of calls that grows with time, up to `burst`. While the budget blocks, at most one is saved up: a full
    window would otherwise empty in one burst and stay shut for the rest of its period, again and again.
    """

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.credit = 1.0
        self._at = now

    def due(self) -> float:
        """When the next call may be made; in the past if at once."""
        short = 1 - self.credit
        return self._at + short / (self.rate * HASTE) if short > 0 else self._at

    def ready(self, now: float) -> bool:
        self._grow(now)
        return self._at <= now and self.credit >= 1 - TOLERANCE

    def spend(self) -> None:
        self.credit -= 1

    def blocked(self, until: float) -> None:
        """No call before `until`; inf where nobody knows until when. A later word replaces an earlier one."""
        if until < inf:
            self._grow(until)
            self._at = until
        self.credit = min(self.credit, 1.0)

    def _grow(self, now: float) -> None:
        if now > self._at:
            credit = self.credit + (now - self._at) * self.rate * HASTE
            self.credit = credit if credit < self.burst else self.burst
            self._at = now
