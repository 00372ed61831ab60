"""What a poll is worth by plan: the index.

The dearer a poll the later the best next check (see `plan`). So a request that was last seen unfinished at age s and is now t old
is worth the dearest price at which it would have been polled by t. That sees what lies ahead, such as that hardly anything
finishes before the next mode, which a formula in the hazard of the moment can't.
"""

from bisect import bisect_right
from math import exp, inf, log, log1p, sqrt
from typing import NamedTuple

from exporter.core.learned.bins import BINS
from exporter.core.learned.plan import PRICE_RATIO, Plan, untaught
from exporter.core.learned.survival import Survival
from exporter.core.learned.value import FAR, value

_STEP = log(PRICE_RATIO)
# A bound on what a poll is worth by the hazard of the moment holds until the window has grown by this part, and at least so long.
_GROWTH = 0.1
_LEAST_GROWTH = 0.1


class Bound(NamedTuple):
    """Until the age `until` a poll is worth at most `then` there, and before that less by at least `growth` a second, but
    perhaps as much as `least`."""

    until: float
    then: float
    growth: float
    least: float


class Checks:
    """What a poll is worth by the ages at the last one and now, in seconds of delay, as planned with what a table knew then."""

    def __init__(self, table: Survival) -> None:
        self._table = table
        self.plan()

    @property
    def prices(self) -> list[float]:
        """Those that were planned for."""
        return self._plan.prices

    def plan(self) -> None:
        """Plan with what the table knows now."""
        self._planned = self._table.finishes
        self._plan = untaught() if self._table.untaught else Plan(self._table)
        # The age beyond which few requests are left.
        self.outlasted = self._plan.outlasted

    def learned(self) -> bool:
        """A finish was added to the table: plan anew once they are enough to make a difference. Whether it did."""
        finishes = self._table.finishes
        if finishes - self._planned < min(64.0, 4 + finishes / 8):
            return False
        self.plan()
        return True

    def worth(self, seen: float, age: float) -> float:
        """The dearest price in seconds at which a request last seen unfinished at age `seen` is polled by `age`; from the
        hazard of the moment where no price was planned for."""
        plan = self._plan
        start, dearer = bisect_right(plan.ages, seen) - 1, 0
        planned = start < len(plan.ages) - 1
        if planned:
            due = plan.due[start]
            dearer = bisect_right(due, age)
            if 0 < dearer < len(due):
                low, high = due[dearer - 1], due[dearer]
                return self._between(dearer, (age - low) / (high - low))
        at = self._table.at
        gathered, hazard = at(age)
        worth = value(gathered - at(seen)[0], hazard)
        if not planned:
            return worth
        return max(worth, plan.prices[-1]) if dearer else min(worth, plan.prices[0])

    def bound(self, seen: float, age: float) -> Bound:
        """What `worth` does not exceed, as long as table and plan stay as they are."""
        plan = self._plan
        start = bisect_right(plan.ages, seen) - 1
        if start == len(plan.ages) - 1:
            return self._moment(seen, age, 0.0)
        due = plan.due[start]
        dearer = bisect_right(due, age)
        if dearer < len(due):
            return Bound(due[dearer], plan.prices[dearer], 0.0, 0.0)
        return self._moment(seen, age, plan.prices[-1])

    def due(self, seen: float, price: float) -> float:
        """The age at which a request last seen unfinished at age `seen` is worth about `price`."""
        plan = self._plan
        start = bisect_right(plan.ages, seen) - 1
        step = log(price / plan.prices[0]) / _STEP if price > 0 else -inf
        if step < 0 or start == len(plan.ages) - 1:
            hazard = self._table.hazard(seen)
            return seen + log1p(price * hazard + sqrt(2 * price * hazard)) / hazard
        due = plan.due[start]
        dearer = min(int(step), len(due) - 2)
        return due[dearer] + min(1.0, step - dearer) * (due[dearer + 1] - due[dearer])

    def price(self, delay: float) -> float:
        """The price at which a finish is noticed `delay` seconds late on average."""
        plan = self._plan
        dearer = bisect_right(plan.delays, delay)
        if not dearer:
            # Between dense checks a delay is inverse to their number, and a price goes with its square.
            return plan.prices[0] * (delay / plan.delays[0]) ** 2
        if dearer == len(plan.delays):
            return plan.prices[-1]
        less, more = plan.delays[dearer - 1], plan.delays[dearer]
        return self._between(dearer, (delay - less) / (more - less))

    def polls(self, price: float) -> float:
        """Those that a request takes on average at this price, the one that finds it included."""
        plan = self._plan
        step = log(price / plan.prices[0]) / _STEP
        if step < 0:
            return plan.polls[0] * sqrt(plan.prices[0] / price)
        dearer = min(int(step), len(plan.polls) - 2)
        return plan.polls[dearer] + min(1.0, step - dearer) * (plan.polls[dearer + 1] - plan.polls[dearer])

    def _between(self, dearer: int, part: float) -> float:
        """A price between that of this number and the one before, interpolated in its logarithm."""
        return self._plan.prices[dearer - 1] * exp(part * _STEP)

    def _moment(self, seen: float, age: float, least: float) -> Bound:
        """The bound by the hazard of the moment, which lasts for a bin."""
        k = BINS.of(age)
        until = min(BINS.edges[k + 1], age + max(_LEAST_GROWTH, _GROWTH * (age - seen)))
        if until <= age:
            # In the open bin, or where rounding has put an age into the bin before its own.
            return Bound(age, inf, 0.0, least)
        hazard = self._table.hazards[k]
        gathered = self._table.cumulative[k] + (until - BINS.edges[k]) * hazard - self._table.integrated(seen)
        return Bound(until, value(gathered, hazard), hazard if gathered < FAR else 0.0, least)
