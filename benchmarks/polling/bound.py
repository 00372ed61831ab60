"""The fewest polls with which any policy can reach a mean delay, for requests that tell nothing of each other.

For a price rho of a poll, g(rho) is the least E[delay] + rho E[polls] over all sequences of check times, by dynamic
programming over the age at the last check. Whoever reaches a mean delay D with k polls a request has D + rho k >= g(rho),
so that k >= (g(rho) - D) / rho for every rho.
"""

from bisect import bisect_right
from collections.abc import Sequence

_POINTS = 150
_PRICES = tuple(0.02 * 1.35**step for step in range(36))


class Checks:
    """Durations at whose quantiles checks are tried: evenly spread ones, and as many evenly in the cumulative hazard, for
    the tail."""

    def __init__(self, durations: Sequence[float], points: int = _POINTS) -> None:
        ordered = sorted(durations)
        size = len(ordered)
        levels = [step / (points - 1) for step in range(points)]
        levels += [1 - size ** -(step / (points - 1)) for step in range(points)]
        picked = {ordered[round(level * (size - 1))] for level in levels}
        self.ages = [0.0, *sorted(picked)]
        below = [bisect_right(ordered, age) for age in self.ages]
        sums = [0.0]
        for duration in ordered:
            sums.append(sums[-1] + duration)
        self.finished = [count / size for count in below]
        # The integral of the distribution function up to each age: the mean of (age - duration) where that is positive.
        self.gathered = [(age * count - sums[count]) / size for age, count in zip(self.ages, below, strict=True)]

    def least(self, price: float) -> float:
        """g(price)."""
        ages, finished, gathered = self.ages, self.finished, self.gathered
        last = len(ages) - 1
        # Of a request that was found unfinished at an age, weighted with the probability that this happens.
        cost = [0.0] * (last + 1)
        best = last
        for start in range(last - 1, -1, -1):
            age, done, base = ages[start], finished[start], gathered[start]
            # The best next check moves down with the age of the last one, because delays grow with the square of a window.
            found, place = float("inf"), best
            for check in range(best, start, -1):
                total = gathered[check] - base - done * (ages[check] - age) + cost[check]
                if total < found:
                    found, place = total, check
            cost[start], best = found + price * (1 - done), place
        return cost[0]

    def fewest_polls(self, delay: float) -> float:
        """A request, with that mean delay."""
        return max((self.least(price) - delay) / price for price in _PRICES)

    def frontier(self, polls: Sequence[float]) -> list[tuple[float, float]]:
        """(polls, least mean delay) for each number of polls a request."""
        least = [(price, self.least(price)) for price in _PRICES]
        return [(k, max(0.0, max(g - price * k for price, g in least))) for k in polls]
