"""Workloads drawn at random: a family, durations, arrivals, trouble and a budget, all by a seed.

What is promised of each effort has to hold for workloads that were not thought of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log
from random import Random

from exporter.simulate.trace import Request, Trace
from exporter.simulate.workloads.arrivals import bursts, steady
from exporter.simulate.workloads.independent import Duration, independent, stuck
from exporter.simulate.workloads.queues import (
    Service,
    at_random,
    first_in_first_out,
    last_in_first_out,
    noisy,
    priorities,
    queue,
    unordered,
)

PERIOD = 5.0
_FEWEST, _MOST = 400, 1500
# The mean duration of a request, and the polls that the budget has for each.
_DURATIONS = (4.0, 1500.0)
_POLLS = (1.3, 60.0)
_SHORTEST = 0.05


@dataclass(frozen=True, slots=True)
class Drawn:
    """A trace, the calls that may be made for it in `period` seconds, and when its run ends."""

    summary: str
    trace: Trace
    calls: int
    period: float
    horizon: float

    @property
    def lasting(self) -> float:
        """The mean duration of a request in seconds."""
        durations = [one.finished - one.submitted for one in self.trace if one.finished is not None]
        return sum(durations) / len(durations)


def draw(seed: int) -> Drawn:
    random = Random(f"drawn {seed}")
    mean, polls = _log_uniform(random, *_DURATIONS), _log_uniform(random, *_POLLS)
    requests = random.randint(_FEWEST, _MOST)
    # Calls in a period, or where they are few one in a longer period.
    per_second = _log_uniform(random, 0.02, 4.0)
    calls = max(1, round(per_second * polls * PERIOD))
    period = PERIOD if calls > 1 else calls / (per_second * polls)
    per_second = calls / period / polls
    kind, trace = _workload(random, mean, per_second, requests)
    trouble, trace = _trouble(random, trace)
    knowledge, trace = _knowledge(random, trace)
    rate = f"{calls} calls in {period:.3g} s, {polls:.3g} polls each"
    summary = ", ".join(part for part in (kind, trouble, knowledge, rate) if part)
    return Drawn(summary, trace, calls, period, _horizon(trace))


def _horizon(trace: Trace) -> float:
    """An hour beyond the last that happens."""
    return max(max(one.submitted, one.finished or 0.0) for one in trace) + 3600.0


def _log_uniform(random: Random, least: float, most: float) -> float:
    return exp(random.uniform(log(least), log(most)))


def _arrivals(random: Random, per_second: float, requests: int) -> tuple[str, list[float]]:
    if random.random() < 0.6:
        return "", steady(random, per_second=per_second, requests=requests)
    size = random.randint(5, max(6, requests // 5))
    gap = size / per_second
    within = random.uniform(0.01, 0.5) * gap
    return f"bursts of {size} every {gap:.3g} s", bursts(random, size=size, gap=gap, within=within, requests=requests)


def _shape(random: Random, mean: float) -> tuple[str, Duration]:
    """Durations with this mean."""
    kind = random.choice(("exponential", "lognormal", "narrow", "uniform", "gamma", "heavy", "bimodal"))
    if kind == "exponential":
        return "exponential", lambda r, _: r.expovariate(1 / mean)
    if kind in ("lognormal", "narrow"):
        sigma = random.uniform(0.3, 1.3) if kind == "lognormal" else random.uniform(0.03, 0.25)
        middle = log(mean) - sigma**2 / 2
        return f"lognormal, sigma {sigma:.2f}", lambda r, _: r.lognormvariate(middle, sigma)
    if kind == "uniform":
        spread = random.uniform(0.05, 1.0)
        return f"uniform, +-{spread:.0%}", lambda r, _: mean * r.uniform(1 - spread, 1 + spread)
    if kind == "gamma":
        shape = random.uniform(1.5, 8.0)
        return f"gamma, shape {shape:.1f}", lambda r, _: r.gammavariate(shape, mean / shape)
    if kind == "heavy":
        return "Weibull, shape 0.6", lambda r, _: r.weibullvariate(mean / 1.5046, 0.6)
    part, times = random.uniform(0.05, 0.5), random.uniform(3.0, 30.0)
    short = mean / (1 - part + part * times)
    return (
        f"{1 - part:.0%} about {short:.3g} s, the rest {times:.0f} times as long",
        lambda r, _: max(_SHORTEST, r.gauss(short, 0.1 * short)) * (times if r.random() < part else 1.0),
    )


def _workload(random: Random, mean: float, per_second: float, requests: int) -> tuple[str, Trace]:
    arriving, times = _arrivals(random, per_second, requests)
    family = random.choice(("independent", "independent", "regime", "stuck", "queue", "queue", "disorder"))
    if family in ("queue", "disorder"):
        kind, trace = _queue(random, times, per_second, ordered=family == "queue")
    else:
        shape, duration = _shape(random, mean)
        kind = f"independent, {shape}, mean {mean:.3g} s"
        if family == "regime":
            times_longer, turn = _log_uniform(random, 0.1, 10.0), times[len(times) // 2]
            kind = f"{kind}, then {times_longer:.2g} times as long"
            trace = independent(random, times, _changing(duration, times_longer, turn))
        elif family == "stuck":
            share = random.uniform(0.01, 0.05)
            kind = f"{kind}, {share:.0%} never finish"
            trace = stuck(random, times, duration=duration, share=share)
        else:
            trace = independent(random, times, duration)
    return ", ".join(part for part in (kind, arriving) if part), trace


def _changing(duration: Duration, times_longer: float, turn: float) -> Duration:
    return lambda random, submitted: duration(random, submitted) * (times_longer if submitted > turn else 1.0)


def _queue(random: Random, times: Sequence[float], per_second: float, *, ordered: bool) -> tuple[str, Trace]:
    busy, workers = random.uniform(0.3, 0.95), random.choice((1, 1, 1, 4, 20))
    service: Service = lambda r, _: r.expovariate(per_second / busy / workers)  # noqa: E731
    name = f"queue, {busy:.0%} busy, {workers} workers"
    if ordered:
        return f"FIFO {name}", queue(random, times, service, workers=workers, discipline=first_in_first_out)
    kind, discipline = random.choice((("LIFO", last_in_first_out), ("random", at_random), ("urgent", priorities(0.2))))
    return f"{kind} {name}", queue(random, times, service, workers=workers, discipline=discipline)


def _trouble(random: Random, trace: Trace) -> tuple[str, Trace]:
    """Nothing finishes for a while, once; what would have finished does when it is over."""
    if random.random() < 0.65:
        return "", trace
    first, last = trace[0].submitted, trace[-1].submitted
    start = random.uniform(first + 0.2 * (last - first), first + 0.7 * (last - first))
    lasting = random.uniform(0.02, 0.25) * (last - first)
    catching_up = random.uniform(0.0, 0.1) * lasting
    moved = tuple(_delayed(random, one, start, start + lasting, catching_up) for one in trace)
    return f"an outage of {lasting:.3g} s", moved


def _delayed(random: Random, one: Request, start: float, end: float, catching_up: float) -> Request:
    if one.finished is None or not start <= one.finished < end:
        return one
    return replace(one, finished=end + random.uniform(0.0, catching_up))


def _knowledge(random: Random, trace: Trace) -> tuple[str, Trace]:
    dice = random.random()
    if dice < 0.1:
        return "order unknown", unordered(trace)
    if dice < 0.2 and all(one.finished is not None for one in trace):
        return "order known to 10 places", noisy(random, trace, deviation=10)
    return "", trace
