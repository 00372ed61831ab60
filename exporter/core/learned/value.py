"""What a poll is worth in seconds of delay, and what it has to be worth.

With x the hazard that a request has gathered since it was last seen unfinished and h its hazard now, polling it is worth
(e^x - 1 - x) / h seconds: the Whittle index of a request with constant hazard (Avrachenkov & Borkar 2015 for the
restless-bandit form; Azar et al. 2018 for the crawling problem), a good heuristic where it varies.
"""

from math import exp, expm1, inf, log

from exporter.core.learned.survival import BINS, Survival

_FAR = 30.0
_CHEAPEST = 0.01
_DEAREST = 3600.0
_HALVINGS = 10


def value(gathered: float, hazard: float) -> float:
    """Seconds of delay that a poll is expected to save; ever larger, and never infinite."""
    if gathered <= 0 or hazard <= 0:
        return 0.0
    if gathered < _FAR:
        return (expm1(gathered) - gathered) / hazard
    return exp(_FAR) * (1 + gathered - _FAR) / hazard


def price(table: Survival, polls: float) -> float:
    """What a poll has to be worth so that a request takes `polls` of them on average, the one that finds it included."""
    if polls == inf:
        return 0.0
    low, high = log(_CHEAPEST), log(_DEAREST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if polls_at(table, exp(middle)) > polls:
            low = middle
        else:
            high = middle
    return exp(high)


def polls_at(table: Survival, worth: float) -> float:
    """Expected polls of a request that is polled whenever that is worth `worth` seconds."""
    survival, polls, seen = 1.0, 0.0, 0.0
    for k in range(BINS.size - 1):
        if value(table.cumulative[k + 1] - seen, table.hazards[k]) >= worth:
            polls += survival
            seen = table.cumulative[k + 1]
            survival = exp(-seen)
            if survival < 0.01:
                break
    return polls
