"""What a plan is enough for."""

import json
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from exporter.simulate.plan import Demand, Supply, duration, plan
from exporter.simulate.report import quantile
from tests.cli.process import run

QUANTILES = {0.5: 20.0, 0.99: 300.0}


def test_durations_are_drawn_with_the_quantiles_given() -> None:
    quantiles, random = {0.5: 20.0, 0.9: 200.0, 0.99: 300.0}, Random(1)
    draw = duration(quantiles)

    drawn = sorted(draw(random, 0.0) for _ in range(50_000))

    for level, seconds in quantiles.items():
        assert quantile(drawn, level) == pytest.approx(seconds, rel=0.05)


def test_what_fits_tells_polls_and_delays_and_more_share_tells_sooner() -> None:
    found = plan(
        Demand(per_second=1.0, quantiles=QUANTILES), Supply(calls=25, period=5.0, share=0.5), effort="normal", seed=1
    )

    expected, whole = found.expected, found.alternatives[-1]
    assert expected.fits
    assert expected.calls == 12
    # The budget over arrivals: all of it is used.
    assert expected.polls_per_request == pytest.approx(2.4)
    assert expected.polls_per_day == pytest.approx((expected.polls_per_request or 0.0) * 86400)
    assert found.unpolled_per_second == 0.0
    assert (whole.share, whole.calls) == (1.0, 25)
    assert (whole.delay_mean or 0.0) < (expected.delay_mean or 0.0)


def test_an_account_ten_times_as_large_has_the_same_delays_with_ten_times_the_calls() -> None:
    small, large = (
        plan(
            Demand(per_second=2.0 * size, quantiles=QUANTILES),
            Supply(calls=20 * size, period=5.0, share=0.75),
            effort="normal",
            seed=1,
        ).expected
        for size in (1, 10)
    )

    assert large.calls == 150
    assert large.polls_per_request == pytest.approx(small.polls_per_request)
    assert large.delay_mean == pytest.approx(small.delay_mean, rel=0.1)


@pytest.mark.parametrize("effort", ["low", "normal", "high"])
@pytest.mark.parametrize("quantiles", [QUANTILES, {0.5: 60.0, 0.99: 90.0}])
def test_more_budget_never_gives_later_finishes(effort: str, quantiles: dict[float, float]) -> None:
    supply = Supply(calls=25, period=5.0, share=0.25)

    found = plan(Demand(per_second=0.8, quantiles=quantiles), supply, effort=effort, seed=1)

    late = [one.delay_mean or 0.0 for one in (found.expected, *found.alternatives)]
    # Where the promise is kept already, more budget changes nothing but what chance makes of it.
    assert all(more < 1.1 * less for less, more in pairwise(late))


def test_what_does_not_fit_is_told_with_the_share_that_would_be_enough() -> None:
    found = plan(
        Demand(per_second=2.0, quantiles=QUANTILES), Supply(calls=25, period=5.0, share=0.2), effort="low", seed=1
    )

    assert not found.expected.fits
    assert found.expected.delay_mean is None
    assert found.unpolled_per_second == 1.0
    assert (found.needed.calls, found.needed.share) == (11, 0.44)


@pytest.mark.parametrize("daily", [None, 400_000])
@pytest.mark.parametrize("per_second", [4.2, 5.0])
def test_no_share_makes_more_polls_a_day_than_its_budget_allows(per_second: float, daily: int | None) -> None:
    supply = Supply(calls=25, period=5.0, share=1.0, daily=daily)

    found = plan(Demand(per_second=per_second, quantiles=QUANTILES), supply, effort="low", seed=1)

    for one in (found.expected, *found.alternatives):
        possible = replace(supply, share=one.share).rate * 86400
        assert (one.polls_per_day or 0.0) <= possible * (1 + 1e-9)


@pytest.mark.parametrize(("daily", "share"), [(None, 0.96), (400_000, 0.998)])
def test_the_share_that_is_needed_fits_and_a_lesser_one_does_not(daily: int | None, share: float) -> None:
    demand, supply = Demand(per_second=4.2, quantiles=QUANTILES), Supply(calls=25, period=5.0, share=share, daily=daily)

    found, less = (plan(demand, replace(supply, share=one), effort="low", seed=1) for one in (share, share - 0.002))

    assert found.needed.share == share
    assert (found.expected.fits, less.expected.fits) == (True, False)


def test_as_many_calls_as_requests_are_too_few() -> None:
    done = run(["plan", "--arrivals=5/1s", "--plan=enterprise", "--share=1"])

    assert "\n".join(done.stdout.splitlines()[2:5]) == (
        "Does not fit: 5 calls/s leave too little to spare beside 5 requests/s, and delays grow with every busy hour.\n"
        "No share is enough: it takes 28 calls in 5s.\n"
    )


def test_a_daily_limit_can_be_the_one_that_binds() -> None:
    supply = Supply(calls=25, period=5.0, share=1.0, daily=5000)

    found = plan(Demand(per_second=0.1, quantiles=QUANTILES), supply, effort="normal", seed=1)

    assert not found.expected.fits
    assert found.unpolled_per_second == pytest.approx(0.1 - 5000 / 86400)
    assert (found.needed.daily, found.needed.share) == (9504, None)


def test_the_command_prints_a_verdict_and_a_line_for_each_share() -> None:
    done = run(["plan", "--arrivals=2/1s", "--plan=pro", "--share=0.5", "--daily=unlimited"])

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "2 requests/s; the exporter may make 5 of the account's 10 calls in 5s (share 0.5)\n"
        "\n"
        "Does not fit: 1 of 2 requests/s can't be polled even once, and delays grow without end.\n"
        "No share is enough: it takes 11 calls in 5s.\n"
        "\n"
        " share  calls  polls/request  polls/day  mean delay  p99 delay\n"
        "  0.25      2   does not fit\n"
        "   0.5      5   does not fit\n"
    )


@pytest.mark.parametrize(("given", "day"), [([], "5000 of its 10000"), (["--daily=700"], "350 of its 700")])
def test_a_plan_brings_its_daily_limit_unless_another_is_given(given: list[str], day: str) -> None:
    done = run(["plan", "--arrivals=1/1h", "--plan=pro", *given])

    expected = f"the exporter may make 5 of the account's 10 calls in 5s and {day} a day (share 0.5)\n"
    assert done.stdout.partition("; ")[2].startswith(expected)


def test_the_command_prints_one_json_object() -> None:
    done = run(["plan", "--arrivals=1/10s", "--p50=10s", "--p99=1m", "--json"])

    found = json.loads(done.stdout)
    assert found["requests_per_second"] == 0.1
    assert found["expected"]["fits"] is True
    assert 1 < found["expected"]["polls_per_request"] < 12
    assert found["needed"]["share"] == 0.04


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--p50=10m"], "--p99 must be longer than --p50 10m, got 5m"),
        (["--p90=10s"], "--p90 must be longer than --p50 20s, got 10s"),
        (["--plan=pro", "--rate=5/5s"], "--plan and --rate exclude each other"),
        (["--share=2"], "argument --share: must be a number above 0 and at most 1, got 2"),
        (["--p50=0s"], "argument --p50: must be a duration above 0, got 0s"),
    ],
)
def test_wrong_usage_is_told_in_one_line(flags: list[str], message: str) -> None:
    done = run(["plan", *flags])

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"leadsquared-exporter plan: error: {message}, try --help\n"
