"""When to check a request, planned ahead: the optimum checking schedule of Barlow, Hunter & Proschan (1963).

For a price rho of a poll in seconds, g(rho) is the least E[delay] + rho E[polls] over all sequences of ages at which a request
is polled until a poll finds it finished. With S the survival function and s the age at the last poll, the cost that is left,
times S(s), is

    V(s) = min over c > s of  S(s) (c - s) - integral of S from s to c  +  rho S(s)  +  V(c)

where the first two terms are the delay of whoever finishes in (s, c]. The best next check c grows with rho.
"""

from functools import cache
from math import exp, expm1, inf, sqrt

from exporter.core.learned.bins import BINS
from exporter.core.learned.survival import Survival

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
PRICE_RATIO = 1.5
_PRICES = 26
# Few finish later than this part of all requests, and the tables know little of them.
_OUTLASTED = 0.1


class Plan:
    """The best next checks, with what a table knew when it was made.

    ages      those at which a check is considered
    prices    of a poll in seconds, from the cheapest on
    polls     for each price those that a request takes on average
    delays    for each price how late its finish is noticed on average, in seconds
    outlasted  the age beyond which few requests are left
    due       for each age at the last check, and for each price, the age at the best next one
    """

    def __init__(self, table: Survival) -> None:
        self.ages = _ages(table)
        gathered = [table.integrated(age) for age in self.ages]
        self._left = [exp(-one) for one in gathered]
        self._lasted = _lasted(self.ages, gathered)
        self.prices: list[float] = []
        self.polls: list[float] = []
        self.delays: list[float] = []
        plans = self._plans(_cheapest(table))
        self.due: list[tuple[float, ...]] = list(
            zip(*([self.ages[check] for check in plan] for plan in plans), strict=True)
        )
        reached = (age for age, left in zip(self.ages, self._left, strict=True) if left <= _OUTLASTED)
        # Where hardly anything finishes more are left at the last of all ages.
        self.outlasted = next(reached, inf)

    def _plans(self, price: float) -> list[list[int]]:
        plans: list[list[int]] = []
        earliest = list(range(1, len(self.ages) + 1))
        while len(plans) < _PRICES and (not plans or self.polls[-1] > _FEWEST):
            earliest = self._next(price, earliest)
            plans.append(earliest)
            self.prices.append(price)
            price *= PRICE_RATIO
        return plans

    def _next(self, price: float, earliest: list[int]) -> list[int]:
        """The place of the best next check for each age at the last one, none before `earliest`."""
        ages, left, lasted = self.ages, self._left, self._lasted
        last = len(ages) - 1
        cost, polls, plan = [0.0] * (last + 1), [0.0] * (last + 1), [last] * (last + 1)
        best = last
        for start in range(last - 1, -1, -1):
            alive, first = left[start], earliest[start]
            # The later the last check the later the best next one, because delays grow with the square of a window.
            check = best if best > first else first
            least, best = alive * ages[check] - lasted[check] + cost[check], check
            while check > first:
                check -= 1
                total = alive * ages[check] - lasted[check] + cost[check]
                if total < least:
                    least, best = total, check
            plan[start] = best
            cost[start] = least + lasted[start] - alive * ages[start] + price * alive
            polls[start] = alive + polls[best]
        self.polls.append(polls[0])
        self.delays.append(cost[0] - price * polls[0])
        return plan


@cache
def untaught() -> Plan:
    """The plan of all tables that have learned nothing yet."""
    return Plan(Survival())


def _ages(table: Survival) -> list[float]:
    """Ages at which a check is considered: from 0 to one that hardly any request reaches, at edges of bins; bins that hold
    much are divided."""
    ages, edges, hazards = [0.0], BINS.edges, table.hazards
    start, alive = 0, 1.0
    low = high = hazards[0]
    for k in range(BINS.size - 1):
        beyond, following = exp(-table.cumulative[k + 1]), hazards[k + 1]
        if following < low:
            low = following
        elif following > high:
            high = following
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
