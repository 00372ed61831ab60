"""`leadsquared-exporter plan`: what a plan and a share of it are enough for."""

import argparse
import json
import sys
from itertools import pairwise
from typing import Final

from exporter.config.duration import format_duration
from exporter.flags import Flag, Parser, UsageError
from exporter.leadsquared.endpoints import PLANS
from exporter.simulate import policies
from exporter.simulate.flags import check_count, check_duration, check_rate, check_whole, rate, seconds
from exporter.simulate.plan import Demand, Expectation, Plan, Supply, plan

_PERIOD: Final = 5.0
_UNLIMITED: Final = "unlimited"
_LEVELS: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def _share(text: str) -> str | None:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    return None if 0 < share <= 1 else "must be a number above 0 and at most 1"


def _daily(text: str) -> str | None:
    return None if text == _UNLIMITED or not check_count(text) else f"{check_count(text)}, or {_UNLIMITED}"


def _duration(text: str) -> str | None:
    return check_duration(text) or (None if seconds(text) > 0 else "must be a duration above 0")


FLAGS: Final = (
    Flag(
        name="arrivals",
        metavar="REQUESTS/PERIOD",
        default="1/1s",
        check=check_rate,
        help="requests that are submitted on average, such as 120/1m",
    ),
    Flag(
        name="p50", metavar="DURATION", default="20s", check=_duration, help="half of the requests finish within this"
    ),
    Flag(name="p90", metavar="DURATION", check=_duration, help="nine of ten requests finish within this"),
    Flag(name="p99", metavar="DURATION", default="5m", check=_duration, help="99 of 100 requests finish within this"),
    Flag(name="plan", metavar="PLAN", choices=tuple(PLANS), help=f"the LeadSquared plan: {', '.join(PLANS)}"),
    Flag(
        name="rate",
        metavar="CALLS/PERIOD",
        check=check_rate,
        help="what the account may do, instead of a plan (default 25/5s)",
    ),
    Flag(
        name="daily",
        metavar="CALLS",
        check=_daily,
        help="what the account may do in 24 h, or unlimited (default the plan's, else no limit)",
    ),
    Flag(name="share", metavar="PART", default="0.5", check=_share, help="the part of it that the exporter may use"),
    Flag(
        name="effort",
        metavar="EFFORT",
        default="normal",
        choices=policies.EFFORT_NAMES,
        help="as polling.effort in the configuration: low, normal or high",
    ),
    Flag(name="seed", metavar="N", default="1", check=check_whole, help="the same seed gives the same figures"),
    Flag(name="json", help="print one JSON object"),
)


def add_arguments(parser: Parser) -> None:
    parser.declare(FLAGS)


def run(arguments: argparse.Namespace) -> int:
    """Prints the plan; 0 also where it does not fit."""
    supply = _supply(arguments)
    found = plan(_demand(arguments), supply, effort=arguments.effort, seed=int(arguments.seed))
    sys.stdout.write(json.dumps(found.fields()) + "\n" if arguments.json else text(found, supply))
    return 0


def text(found: Plan, supply: Supply) -> str:
    """Some lines for a terminal."""
    shares = sorted((found.expected, *found.alternatives), key=lambda one: one.share)
    daily = "" if supply.daily is None else f" and {supply.allowed_daily} of its {supply.daily} a day"
    lines = [
        f"{found.requests_per_second:g} requests/s; the exporter may make {supply.allowed} of the account's {supply.calls} "
        f"calls in {format_duration(supply.period)}{daily} (share {supply.share:g})",
        "",
        *_verdict(found, supply),
        "",
        f"{'share':>6} {'calls':>6} {'polls/request':>14} {'polls/day':>10} {'mean delay':>11} {'p99 delay':>10}",
        *map(_line, shares),
        "",
        "Simulated with requests that do not wait for each other. Where they queue and their order is known, delays are less.",
    ]
    return "".join(f"{line}\n" for line in lines)


def _verdict(found: Plan, supply: Supply) -> list[str]:
    expected = found.expected
    if expected.fits:
        return [
            f"Fits. Each request takes {expected.polls_per_request:.2f} polls; its end is noticed "
            f"{_shown(expected.delay_mean)} late on average, {_shown(expected.delay_p99)} at the 99th percentile."
        ]
    needed = found.needed
    day = "" if supply.daily is None else f" and {needed.daily} a day"
    calls = f"{needed.calls} calls in {format_duration(supply.period)}{day}"
    share = "No share is enough" if needed.share is None else f"A share of {needed.share:g} would be enough"
    return [f"Does not fit: {_trouble(found, supply)}.", f"{share}: it takes {calls}."]


def _trouble(found: Plan, supply: Supply) -> str:
    requests = f"{found.requests_per_second:g} requests/s"
    if found.unpolled_per_second > 0:
        return f"{found.unpolled_per_second:.3g} of {requests} can't be polled even once, and delays grow without end"
    return (
        f"{supply.rate:.3g} calls/s leave too little to spare beside {requests}, and delays grow with every busy hour"
    )


def _line(one: Expectation) -> str:
    if not one.fits:
        return f"{one.share:>6g} {one.calls:>6} {'does not fit':>14}"
    return (
        f"{one.share:>6g} {one.calls:>6} {one.polls_per_request:>14.2f} {one.polls_per_day:>10.0f} "
        f"{_shown(one.delay_mean):>11} {_shown(one.delay_p99):>10}"
    )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def _demand(arguments: argparse.Namespace) -> Demand:
    requests, period = rate(arguments.arrivals)
    given = {name: getattr(arguments, name) for name in _LEVELS if getattr(arguments, name) is not None}
    for (lower, low), (upper, high) in pairwise(given.items()):
        if seconds(low) >= seconds(high):
            raise UsageError(f"--{upper} must be longer than --{lower} {low}, got {high}")
    return Demand(
        per_second=requests / period, quantiles={_LEVELS[name]: seconds(text) for name, text in given.items()}
    )


def _supply(arguments: argparse.Namespace) -> Supply:
    if arguments.plan is not None and arguments.rate is not None:
        raise UsageError("--plan and --rate exclude each other")
    published = PLANS[arguments.plan] if arguments.plan else None
    calls, period = (published.calls, _PERIOD) if published else rate(arguments.rate or "25/5s")
    daily = published.daily if published and arguments.daily is None else _calls_a_day(arguments.daily)
    return Supply(calls=calls, period=period, share=float(arguments.share), daily=daily)


def _calls_a_day(text: str | None) -> int | None:
    return None if text is None or text == _UNLIMITED else int(text)
