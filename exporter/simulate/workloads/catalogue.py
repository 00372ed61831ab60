"""The workloads, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log
from random import Random

from exporter.simulate.trace import Trace
from exporter.simulate.workloads.arrivals import at_once, bursts, steady
from exporter.simulate.workloads.independent import Duration, independent, retrying, stuck
from exporter.simulate.workloads.queues import (
    at_random,
    discovered,
    last_in_first_out,
    noisy,
    outages,
    priorities,
    queue,
    shuffled,
    unordered,
)

_REQUESTS = 6000


@dataclass(frozen=True, slots=True)
class Workload:
    """`generate` gives the same trace for the same seed."""

    name: str
    summary: str
    generate: Callable[[Random], Trace]


def _alone(duration: Duration, *, per_second: float = 2.0, requests: int = _REQUESTS) -> Callable[[Random], Trace]:
    return lambda random: independent(random, steady(random, per_second=per_second, requests=requests), duration)


def _exponential(mean: float) -> Duration:
    return lambda random, _: random.expovariate(1 / mean)


def _lognormal(median: float, sigma: float) -> Duration:
    return lambda random, _: random.lognormvariate(log(median), sigma)


def _bimodal(random: Random, submitted: float) -> float:
    del submitted
    return random.gauss(5, 0.5) if random.random() < 0.8 else random.gauss(120, 10)


def _slower_later(random: Random, submitted: float) -> float:
    return random.expovariate(1 / 10 if submitted < 1500 else 1 / 50)


def _next_minute(random: Random, submitted: float) -> float:
    return ceil((submitted + 1) / 60) * 60 + random.uniform(0, 3) - submitted


def _service(per_second: float) -> Duration:
    return lambda random, _: random.expovariate(per_second)


def _bursts(random: Random, gap: float = 250.0) -> list[float]:
    return bursts(random, size=500, gap=gap, within=20, requests=_REQUESTS)


def _steady(random: Random) -> list[float]:
    return steady(random, per_second=2.0, requests=_REQUESTS)


def _retries(random: Random) -> Trace:
    return retrying(random, _steady(random), duration=_exponential(10), share=0.05, again=0.6, attempt=3)


def _bursty_alone(random: Random) -> Trace:
    times = bursts(random, size=300, gap=150, within=10, requests=_REQUESTS)
    return independent(random, times, _lognormal(20, 0.8))


def _restart(random: Random) -> Trace:
    return shuffled(random, queue(random, at_once(3000), _service(2.0)))


def _restart_undated(random: Random) -> Trace:
    backlog = queue(random, steady(random, per_second=10.0, requests=3000), _service(2.0))
    return discovered(random, backlog, at=300.0)


WORKLOADS: Mapping[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload("a", "independent, exponential 20 s, 2.5 polls each", _alone(_exponential(20))),
        Workload("b", "independent, lognormal, median 20 s, sigma 1.5", _alone(_lognormal(20, 1.5))),
        Workload("b2", "independent, lognormal, median 40 s, sigma 0.15", _alone(_lognormal(40, 0.15))),
        Workload("c", "FIFO, 10,000 at once, 4/s", lambda r: queue(r, at_once(10_000), _service(4.0))),
        Workload(
            "c2",
            "FIFO, bursts of 500, 2.4/s, order known to 15 places",
            lambda r: noisy(r, queue(r, _bursts(r), _service(2.4)), deviation=15),
        ),
        Workload("d", "independent, 5 % on the vendor's retry schedule", _retries),
        Workload("e", "overload: half a poll each", _alone(_exponential(20), per_second=10.0, requests=8000)),
        Workload("f", "independent, from 10 s to 50 s at half time", _alone(_slower_later)),
        Workload(
            "f2",
            "FIFO, bursts, from 3/s to 1/s at half time",
            lambda r: queue(r, _bursts(r, 400.0), lambda q, now: q.expovariate(3.0 if now < 2400 else 1.0)),
        ),
        Workload("fixed", "independent, all between 60 and 70 s", _alone(lambda r, _: r.uniform(60, 70))),
        Workload("gamma", "independent, gamma of shape 4, mean 40 s", _alone(lambda r, _: r.gammavariate(4, 10))),
        Workload("bimodal", "independent, 80 % about 5 s, the rest about 120 s", _alone(_bimodal)),
        Workload(
            "weibull",
            "independent, heavy tail: Weibull of shape 0.5, scale 15 s",
            _alone(lambda r, _: r.weibullvariate(15, 0.5)),
        ),
        Workload("cron", "worked on once a minute, in a batch", _alone(_next_minute)),
        Workload("bursty", "independent, bursts of 300, lognormal 20 s", _bursty_alone),
        Workload(
            "stuck",
            "independent, exponential 20 s, 2 % never finish",
            lambda r: stuck(r, _steady(r), duration=_exponential(20), share=0.02),
        ),
        Workload("fifo", "FIFO, steady, 95 % busy", lambda r: queue(r, _steady(r), _service(2.1))),
        Workload("backlog", "FIFO, 6,000 at once, 2/s", lambda r: queue(r, at_once(6000), _service(2.0))),
        Workload(
            "outages",
            "FIFO, bursts, stands still a minute in ten",
            lambda r: queue(r, _bursts(r), outages(_service(2.8), every=600, lasting=60)),
        ),
        Workload(
            "parallel",
            "FIFO, bursts, 50 parallel workers",
            lambda r: queue(r, _bursts(r), lambda q, _: q.lognormvariate(log(18), 0.5), workers=50),
        ),
        Workload("lifo", "LIFO, bursts", lambda r: queue(r, _bursts(r), _service(2.4), discipline=last_in_first_out)),
        Workload(
            "lifo_steady",
            "LIFO, steady, 98 % busy",
            lambda r: queue(r, _steady(r), _service(2.05), discipline=last_in_first_out),
        ),
        Workload(
            "priorities",
            "bursts, a fifth goes before the others",
            lambda r: queue(r, _bursts(r), _service(2.4), discipline=priorities(0.2)),
        ),
        Workload(
            "random",
            "bursts, worked on in random order",
            lambda r: queue(r, _bursts(r), _service(2.4), discipline=at_random),
        ),
        Workload("restart", "a backlog in an order that is wrong", _restart),
        Workload("restart_null", "a backlog in an unknown order", lambda r: unordered(_restart(r))),
        Workload("restart_undated", "a backlog discovered late, order and times unknown", _restart_undated),
        Workload(
            "light",
            "light load: exponential 20 s, one in 5 s",
            _alone(_exponential(20), per_second=0.2, requests=1500),
        ),
        Workload(
            "light_short",
            "light load: lognormal 10 s, sigma 0.77, one in 50 s",
            _alone(_lognormal(10, 0.77), per_second=0.02, requests=1500),
        ),
        Workload(
            "light_narrow",
            "light load: lognormal 40 s, sigma 0.15, one in 10 s",
            _alone(_lognormal(40, 0.15), per_second=0.1, requests=1500),
        ),
        Workload(
            "light_wide",
            "light load: lognormal 60 s, sigma 1, one in 20 s",
            _alone(_lognormal(60, 1.0), per_second=0.05, requests=1500),
        ),
        Workload(
            "light_slow",
            "light load: exponential 10 min, one in 100 s",
            _alone(_exponential(600), per_second=0.01, requests=1000),
        ),
    )
}
