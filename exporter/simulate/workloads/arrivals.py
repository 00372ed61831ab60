"""When requests are submitted. Times are seconds, in order."""

from random import Random


def steady(random: Random, *, per_second: float, requests: int) -> list[float]:
    """Independent of each other (a Poisson process)."""
    now, times = 0.0, []
    for _ in range(requests):
        now += random.expovariate(per_second)
        times.append(now)
    return times


def bursts(random: Random, *, size: int, gap: float, within: float, requests: int) -> list[float]:
    """`size` requests within so many seconds, again every `gap` seconds."""
    times: list[float] = []
    while len(times) < requests:
        start = len(times) // size * gap
        times.extend(sorted(start + random.uniform(0, within) for _ in range(size)))
    return times[:requests]


def at_once(requests: int) -> list[float]:
    return [0.0] * requests
