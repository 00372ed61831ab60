"""When to check a request, planned ahead: the optimum checking schedule of Barlow, Hunter & Proschan (1963).

For a price rho of a poll in seconds, g(rho) is the least E[delay] + rho E[polls] over all sequences of ages at which a request
is polled until a poll finds it finished. With S the survival function and s the age at the last poll, the cost that is left,
times S(s), is

    V(s) = min over c > s of  S(s) (c - s) - integral of S from s to c  +  rho S(s)  +  V(c)

where the first two terms are the delay of whoever finishes in (s, c]. The best next check c grows with rho. So a request that was
last seen unfinished at age s and is now t old is worth the dearest price at which it would have been polled by t: the index of
`Checks.worth`. It sees what lies ahead, such as that hardly anything finishes before the next mode, which a formula in the
hazard of the moment can't.
"""

from bisect import bisect_right
from math import exp, expm1, inf, log, log1p, sqrt

from exporter.core.learned.bins import BINS
from exporter.core.learned.survival import Survival
from exporter.core.learned.value import value

# Neither more probability, nor a larger part of what is left, lies between two ages at which a check is considered …
_CELL = 1 / 40
_CELL_OF_REST = 0.08
# … nor do hazards differ by more than this factor: the end of a mode is the best age for a check.
_CONTRAST = 4.0
# Beyond the age that this part of all requests reaches nothing is planned.
_REST = 1e-3
# The cheapest price takes about so many polls, the dearest fewer than these; where more are wanted the hazard of the moment does.
_MOST = 12.0
_FEWEST = 1.1
_PRICE_RATIO = 1.5
_PRICES = 26


class Checks:
    """What a poll is worth by the ages at the last one and now, in seconds of delay, as planned with what a table knew then."""

    def __init__(self, table: Survival) -> None:
        self._table = table
        self.plan()

    def plan(self) -> None:
        """Plan with what the table knows now."""
        table = self._table
        self._planned = table.finishes
        self._ages = _ages(table)
        gathered = [table.integrated(age) for age in self._ages]
        self._left = [exp(-one) for one in gathered]
        self._lasted = _lasted(self._ages, gathered)
        # For each price the polls that a request takes on average, and the best next check for each age at the last one.
        self.prices: list[float] = []
        self._polls: list[float] = []
        plans = self._plans(_cheapest(table))
        self._due = [[self._ages[plan[start]] for plan in plans] for start in range(len(self._ages))]

    def learned(self) -> None:
        """A finish was added to the table: plan anew once they are enough to make a difference."""
        finishes = self._table.finishes
        if finishes - self._planned >= min(64.0, 4 + finishes / 8):
            self.plan()

    def worth(self, seen: float, age: float) -> float:
        """The dearest price in seconds at which a request last seen unfinished at age `seen` is polled by `age`; from the
        hazard of the moment where no price was planned for."""
        start = bisect_right(self._ages, seen) - 1
        due = self._due[start]
        dearer = bisect_right(due, age) if start < len(self._ages) - 1 else 0
        if 0 < dearer < len(due):
            low, high = due[dearer - 1], due[dearer]
            return self._between(dearer, (age - low) / (high - low))
        gathered, hazard = self._table.at(age)
        worth = value(gathered - self._table.integrated(seen), hazard)
        if start == len(self._ages) - 1:
            return worth
        return max(worth, self.prices[-1]) if dearer else min(worth, self.prices[0])

    def due(self, seen: float, price: float) -> float:
        """The age at which a request last seen unfinished at age `seen` is worth about `price`."""
        start = bisect_right(self._ages, seen) - 1
        step = log(price / self.prices[0]) / log(_PRICE_RATIO) if price > 0 else 0.0
        if step <= 0 or start == len(self._ages) - 1:
            hazard = self._table.hazard(seen)
            return seen + log1p(price * hazard + sqrt(2 * price * hazard)) / hazard
        due = self._due[start]
        dearer = min(int(step), len(due) - 2)
        return due[dearer] + min(1.0, step - dearer) * (due[dearer + 1] - due[dearer])

    def price(self, polls: float) -> float:
        """The price at which a request takes `polls` polls on average, the one that finds it included."""
        if polls == inf:
            return 0.0
        dearer = next((k for k, taken in enumerate(self._polls) if taken < polls), len(self._polls))
        if not dearer:
            return self.prices[0] * (self._polls[0] / polls) ** 2
        if dearer == len(self._polls):
            return self.prices[-1]
        more, fewer = self._polls[dearer - 1], self._polls[dearer]
        return self._between(dearer, (more - polls) / (more - fewer))

    def _between(self, dearer: int, part: float) -> float:
        """A price between that of this number and the one before, interpolated in its logarithm."""
        return self.prices[dearer - 1] * exp(part * log(_PRICE_RATIO))

    def _plans(self, price: float) -> list[list[int]]:
        plans: list[list[int]] = []
        earliest = list(range(1, len(self._ages) + 1))
        while len(plans) < _PRICES and (not plans or self._polls[-1] > _FEWEST):
            earliest = self._next(price, earliest)
            plans.append(earliest)
            self.prices.append(price)
            price *= _PRICE_RATIO
        return plans

    def _next(self, price: float, earliest: list[int]) -> list[int]:
        """The place of the best next check for each age at the last one, none before `earliest`."""
        ages, left, lasted = self._ages, self._left, self._lasted
        last = len(ages) - 1
        cost, polls, plan = [0.0] * (last + 1), [0.0] * (last + 1), [last] * (last + 1)
        best = last
        for start in range(last - 1, -1, -1):
            alive, least, place = left[start], inf, best
            # The later the last check the later the best next one, because delays grow with the square of a window.
            for check in range(max(best, earliest[start]), earliest[start] - 1, -1):
                total = alive * ages[check] - lasted[check] + cost[check]
                if total < least:
                    least, place = total, check
            plan[start] = best = place
            cost[start] = least + lasted[start] - alive * ages[start] + price * alive
            polls[start] = alive + polls[place]
        self._polls.append(polls[0])
        return plan


def _ages(table: Survival) -> list[float]:
    """Ages at which a check is considered: from 0 to one that hardly any request reaches, at edges of bins; bins that hold
    much are divided."""
    ages, edges, hazards = [0.0], BINS.edges, table.hazards
    start, alive = 0, 1.0
    low = high = hazards[0]
    for k in range(BINS.size - 1):
        beyond, following = exp(-table.cumulative[k + 1]), hazards[k + 1]
        low, high = min(low, hazards[k], following), max(high, hazards[k], following)
        ended = alive - beyond
        if ended > _CELL or ended > _CELL_OF_REST * alive or high > _CONTRAST * low or beyond < _REST:
            parts = int(ended / _CELL) + 1 if k == start else 1
            begin, end = edges[start], edges[k + 1]
            ages += [begin + (end - begin) * part / parts for part in range(1, parts)]
            ages.append(end)
            if beyond < _REST:
                break
            start, alive, low, high = k + 1, beyond, following, following
    return ages


def _lasted(ages: list[float], gathered: list[float]) -> list[float]:
    """The integral of the survival function up to each age in seconds, hazards taken as constant in between."""
    total, found = 0.0, [0.0]
    for k in range(len(ages) - 1):
        step, width = gathered[k + 1] - gathered[k], ages[k + 1] - ages[k]
        total += exp(-gathered[k]) * (-expm1(-step) / step if step > 1e-9 else 1.0) * width
        found.append(total)
    return found


def _cheapest(table: Survival) -> float:
    """The price at which dense checks, sqrt(h / (2 price)) a second (Keller 1974), are about as many as `_MOST`."""
    density = 0.0
    for k in range(BINS.size - 1):
        gathered = table.cumulative[k + 1] - table.cumulative[k]
        if gathered > 0:
            density += exp(-table.cumulative[k]) * -expm1(-gathered) / sqrt(table.hazards[k])
    return max(1e-4, 0.5 * (density / _MOST) ** 2)
