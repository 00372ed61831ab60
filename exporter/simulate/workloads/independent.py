"""Requests that do not wait for each other: each takes its own time from its submission."""

from collections.abc import Callable, Sequence
from random import Random

from exporter.simulate.trace import Request, Trace

# The duration of a request in seconds, which may depend on its time of submission.
Duration = Callable[[Random, float], float]
# The vendor's waits before it tries again after a system error.
WAITS = (30.0, 120.0, 420.0, 900.0, 1800.0, 2700.0, 3600.0, 5400.0, 7200.0, 10800.0)


def independent(random: Random, submitted: Sequence[float], duration: Duration) -> Trace:
    return tuple(_request(time, time + max(0.0, duration(random, time))) for time in submitted)


def retrying(
    random: Random, submitted: Sequence[float], *, duration: Duration, share: float, again: float, attempt: float
) -> Trace:
    """A `share` of the requests meets a system error at its end, and at each further attempt with probability `again`; an
    attempt takes `attempt` seconds on average."""
    return tuple(
        _retrying(random, time, time + duration(random, time), again=again, attempt=attempt)
        if random.random() < share
        else _request(time, time + duration(random, time))
        for time in submitted
    )


def stuck(random: Random, submitted: Sequence[float], *, duration: Duration, share: float) -> Trace:
    """A `share` of the requests never finishes."""
    return tuple(
        Request(submitted=time, finished=None, known_at=time)
        if random.random() < share
        else _request(time, time + duration(random, time))
        for time in submitted
    )


def _retrying(random: Random, submitted: float, failed: float, *, again: float, attempt: float) -> Request:
    waits, now = [], failed
    for wait in WAITS:
        waits.append((now, now + wait))
        now += wait + random.expovariate(1 / attempt)
        if random.random() >= again:
            break
    return Request(submitted=submitted, started=submitted, finished=now, retries=tuple(waits), known_at=submitted)


def _request(submitted: float, finished: float) -> Request:
    return Request(submitted=submitted, started=submitted, finished=finished, known_at=submitted)
