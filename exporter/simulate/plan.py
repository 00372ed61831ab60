"""How far a plan goes: from an arrival rate and durations to polls, delays, and what would not fit."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, exp, floor, log
from random import Random
from statistics import NormalDist
from typing import Final

from exporter.simulate.report import Report, report
from exporter.simulate.run import Conditions
from exporter.simulate.setup import Setup, simulate
from exporter.simulate.trace import Trace
from exporter.simulate.workloads.arrivals import steady
from exporter.simulate.workloads.independent import Duration, independent

DAY: Final = 86400.0
# Requests of which each is polled just once still queue for their polls: with so much to spare the queue stays short.
SPARE: Final = 1.1
SHARES: Final = (0.25, 0.5, 0.75, 1.0)
_FEWEST, _MOST = 1500, 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """`quantiles` are durations in seconds by level, such as {0.5: 20.0, 0.99: 300.0}; at least two, rising."""

    per_second: float
    quantiles: Mapping[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What the account may do: `calls` in any `period` seconds and `daily` in 24 h, of which the exporter gets `share`."""

    calls: int
    period: float
    share: float
    daily: int | None = None

    @property
    def allowed(self) -> int:
        """The exporter's calls in any period."""
        return floor(self.calls * self.share + 1e-9)

    @property
    def allowed_daily(self) -> int | None:
        return None if self.daily is None else floor(self.daily * self.share + 1e-9)

    @property
    def rate(self) -> float:
        """The exporter's calls/s that can go on for ever."""
        daily = self.allowed_daily
        return self.allowed / self.period if daily is None else min(self.allowed / self.period, daily / DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """At one share, with `calls` in a period and `daily` in 24 h. It `fits` where these are what is needed; else delays would
    grow and grow, and the figures are None."""

    share: float
    calls: int
    daily: int | None
    fits: bool
    polls_per_request: float | None = None
    polls_per_day: float | None = None
    delay_mean: float | None = None
    delay_p50: float | None = None
    delay_p99: float | None = None
    max_staleness: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What every request can be polled once with: calls in a period and in 24 h, and the least share that gives them; None
    where the whole plan does not."""

    calls: int
    daily: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`unpolled_per_second` requests can't be polled even once; 0 also where calls are just as many as requests, which does
    not fit either."""

    requests_per_second: float
    period: float
    expected: Expectation
    unpolled_per_second: float
    needed: Needed
    alternatives: tuple[Expectation, ...]

    def fields(self) -> dict[str, object]:
        return asdict(self)


def plan(demand: Demand, supply: Supply, *, effort: str, seed: int) -> Plan:
    def expect(share: float) -> Expectation:
        return _expect(demand, replace(supply, share=share), effort=effort, seed=seed)

    return Plan(
        requests_per_second=demand.per_second,
        period=supply.period,
        expected=expect(supply.share),
        unpolled_per_second=max(0.0, demand.per_second - supply.rate),
        needed=_needed(demand, supply),
        alternatives=tuple(expect(share) for share in SHARES if share != supply.share),
    )


def duration(quantiles: Mapping[float, float]) -> Duration:
    """Draws durations that have these quantiles: lognormal from each to the next, and beyond the outermost."""
    normal = NormalDist()
    points = sorted((normal.inv_cdf(level), log(seconds)) for level, seconds in quantiles.items())

    def draw(random: Random, _: float) -> float:
        return exp(_interpolated(points, random.gauss(0, 1)))

    return draw


def _interpolated(points: Sequence[tuple[float, float]], x: float) -> float:
    place = min(max(1, bisect_right(points, (x,))), len(points) - 1)
    (x1, y1), (x2, y2) = points[place - 1], points[place]
    return y1 + (y2 - y1) * (x - x1) / (x2 - x1)


def _trace(demand: Demand, random: Random) -> Trace:
    """Long enough to outlast the longest durations several times."""
    requests = round(max(_FEWEST, _lasting(demand)))
    times = steady(random, per_second=demand.per_second, requests=requests)
    return independent(random, times, duration(demand.quantiles))


def _lasting(demand: Demand) -> float:
    """How many requests come in ten times the longest duration."""
    return 10 * max(demand.quantiles.values()) * demand.per_second


def _smaller(demand: Demand, supply: Supply) -> tuple[Demand, Supply]:
    """The same with fewer requests and as many fewer calls, where a long enough trace would take long to run: a request waits
    for its next poll as long as all take in turn, which is the same for half as many with half the calls."""
    calls = max(1, min(supply.allowed, round(supply.allowed * _MOST / _lasting(demand))))
    size = calls / supply.allowed
    daily = None if supply.allowed_daily is None else max(1, round(supply.allowed_daily * size))
    return replace(demand, per_second=demand.per_second * size), replace(supply, calls=calls, daily=daily, share=1.0)


def _expect(demand: Demand, supply: Supply, *, effort: str, seed: int) -> Expectation:
    share, calls, daily = supply.share, supply.allowed, supply.allowed_daily
    if not _enough(supply, _needed(demand, supply)):
        return Expectation(share=share, calls=calls, daily=daily, fits=False)
    found = _simulated(*_smaller(demand, supply), effort=effort, seed=seed)
    # When arrivals have ended the rest is polled with calls that there would not be if they went on.
    polls = min(found.polls_per_finished or 0.0, supply.rate / demand.per_second)
    return Expectation(
        share=share,
        calls=calls,
        daily=daily,
        fits=True,
        polls_per_request=polls,
        polls_per_day=polls * demand.per_second * DAY,
        delay_mean=found.delay_mean,
        delay_p50=found.delay_p50,
        delay_p99=found.delay_p99,
        max_staleness=found.max_staleness,
    )


def _simulated(demand: Demand, supply: Supply, *, effort: str, seed: int) -> Report:
    trace = _trace(demand, Random(seed))  # noqa: S311  (a run that can be repeated, no secret)
    horizon = max(request.finished or 0.0 for request in trace) + 3600.0
    setup = Setup(
        policy="learned",
        calls=supply.allowed,
        period=supply.period,
        daily=supply.allowed_daily,
        conditions=Conditions(horizon=horizon),
        effort=effort,
        seed=seed,
    )
    return report("learned", trace, simulate(trace, setup), horizon=horizon, period=supply.period)


def _enough(supply: Supply, needed: Needed) -> bool:
    return supply.allowed >= needed.calls and (supply.allowed_daily is None or supply.allowed_daily >= needed.daily)


def _needed(demand: Demand, supply: Supply) -> Needed:
    calls = max(1, ceil(SPARE * demand.per_second * supply.period - 1e-9))
    daily = max(1, ceil(SPARE * demand.per_second * DAY - 1e-9))
    part = max(calls / supply.calls, 0.0 if supply.daily is None else daily / supply.daily)
    return Needed(calls=calls, daily=daily, share=ceil(1000 * part - 1e-9) / 1000 if part <= 1 else None)
