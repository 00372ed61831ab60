"""What a poll is worth in seconds of delay, by the hazard of the moment.

With x the hazard that a request has gathered since it was last seen unfinished and h its hazard now, polling it is worth
(e^x - 1 - x) / h seconds: the Whittle index of a request with constant hazard (Avrachenkov & Borkar 2015 for the
restless-bandit form; Azar et al. 2018 for the crawling problem), a good heuristic where it varies.
"""

from math import exp, expm1

# Up to here a value grows at least by the factor e with each unit that is gathered; beyond that it would be infinite soon.
FAR = 30.0


def value(gathered: float, hazard: float) -> float:
    """Seconds of delay that a poll is expected to save; ever larger, and never infinite."""
    if gathered <= 0 or hazard <= 0:
        return 0.0
    if gathered < FAR:
        return (expm1(gathered) - gathered) / hazard
    return exp(FAR) * (1 + gathered - FAR) / hazard
