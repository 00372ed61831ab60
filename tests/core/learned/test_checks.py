"""Checks planned ahead, on distributions that are known."""

from bisect import bisect_right
from collections.abc import Callable
from math import erf, exp, inf, log, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.bins import BINS
from exporter.core.learned.checks import Checks
from exporter.core.learned.survival import Survival
from exporter.core.learned.value import value

MEAN = 20.0


def known(left: Callable[[float], float]) -> Survival:
    """A table that knows the survival function `left`."""
    table = Survival()
    gathered = [-log(max(1e-12, left(edge))) for edge in BINS.edges]
    table.hazards = [max(1e-9, (gathered[k + 1] - gathered[k]) / BINS.widths[k]) for k in range(BINS.size)]
    table.cumulative = [0.0]
    for hazard, width in zip(table.hazards, BINS.widths, strict=True):
        table.cumulative.append(table.cumulative[-1] + hazard * width)
    return table


def above(age: float, mean: float, deviation: float) -> float:
    return 0.5 * (1 - erf((age - mean) / deviation / sqrt(2)))


def exponential(age: float) -> float:
    return exp(-age / MEAN)


def bimodal(age: float) -> float:
    return 0.8 * above(age, 5, 0.5) + 0.2 * above(age, 120, 10) if age > 0 else 1.0


def narrow(age: float) -> float:
    return above(log(age), log(40), 0.15) if age > 0 else 1.0


def schedule(checks: Checks, price: float) -> list[float]:
    """The ages at which a request is polled at this price."""
    ages = [0.0]
    while len(ages) < 300 and ages[-1] < 400:
        ages.append(max(ages[-1] + 1e-3, checks.due(ages[-1], price)))
    return ages


def cost(ages: list[float], durations: list[float]) -> tuple[float, float]:
    """Mean delay, and mean number of polls."""
    delay = polls = 0.0
    for duration in durations:
        found = min(bisect_right(ages, duration), len(ages) - 1)
        delay += max(0.0, ages[found] - duration)
        polls += found
    return delay / len(durations), polls / len(durations)


def drawn(shape: Callable[[float], float]) -> list[float]:
    """Quantiles of a survival function."""
    edges = [0.02 * k for k in range(20_000)]
    left = [-shape(edge) for edge in edges]
    return [edges[min(bisect_right(left, -(k + 0.5) / 500), len(edges) - 1)] for k in range(500)]


@pytest.fixture(scope="module")
def exponentially() -> Checks:
    return Checks(known(exponential))


@pytest.mark.parametrize("shape", [exponential, bimodal, narrow])
@pytest.mark.parametrize("late", [2.0, 2.5, 4.0])
def test_no_equal_spacing_is_better_than_what_is_planned(shape: Callable[[float], float], late: float) -> None:
    checks, durations = Checks(known(shape)), drawn(shape)
    price = checks.price(late)
    delay, taken = cost(schedule(checks, price), durations)
    for step in range(1, 60):
        every = 0.5 * 1.1**step
        equally = cost([every * k for k in range(int(600 / every) + 2)], durations)
        assert delay + price * taken <= 1.02 * (equally[0] + price * equally[1]) + 0.02 * price


def test_hardly_anybody_is_asked_between_two_modes() -> None:
    checks = Checks(known(bimodal))
    for late in (2.0, 2.5, 3.0):
        ages = schedule(checks, checks.price(late))
        assert not [age for age in ages if 9 < age < 85]
        assert [age for age in ages if 4 < age < 9]


@pytest.mark.parametrize("interval", [8.0, 15.0, 25.0])
def test_for_a_constant_hazard_it_is_whittles_index(exponentially: Checks, interval: float) -> None:
    worth = exponentially.worth(10.0, 10.0 + interval)
    assert worth == pytest.approx(value(interval / MEAN, 1 / MEAN), rel=0.35)


@pytest.mark.parametrize("wanted", [0.4, 1.0, 2.0, 5.0, 15.0])
def test_at_its_price_a_finish_is_noticed_about_as_late_as_wanted(exponentially: Checks, wanted: float) -> None:
    random = Random(2)
    durations = [random.expovariate(1 / MEAN) for _ in range(1000)]
    price = exponentially.price(wanted)
    late, polls = cost(schedule(exponentially, price), durations)
    assert late == pytest.approx(wanted, rel=0.15)
    assert exponentially.polls(price) == pytest.approx(polls, rel=0.15)


def test_the_later_a_finish_may_be_noticed_the_dearer_is_a_poll(exponentially: Checks) -> None:
    prices = [exponentially.price(late) for late in (0.0, 0.1, 1.0, 3.0, 10.0, 40.0, inf)]
    assert prices == sorted(prices)
    assert prices[0] == 0


def test_where_hardly_anything_finishes_nobody_outlasts_the_others() -> None:
    checks = Checks(known(lambda age: exp(-age / 1e7)))
    assert checks.outlasted == inf
    assert checks.worth(0.0, 60.0) > 0


PLANNED = {
    "exponential": Checks(known(exponential)),
    "bimodal": Checks(known(bimodal)),
    "narrow": Checks(known(narrow)),
    "nothing": Checks(Survival()),
}
ages = st.floats(0.0, 5e5)


@given(ages, ages, st.floats(0.0, 1000.0), st.sampled_from(sorted(PLANNED)))
def test_the_longer_a_request_waits_the_more_a_poll_is_worth(
    seen: float, waited: float, more: float, shape: str
) -> None:
    checks = PLANNED[shape]
    earlier, later = checks.worth(seen, seen + waited), checks.worth(seen, seen + waited + more)
    assert 0 <= earlier < inf
    # Where no price was planned for, the hazard of the moment decides, and that may fall.
    if checks.prices[0] < earlier < checks.prices[-1] and seen < 100:
        assert later >= earlier * (1 - 1e-9)


# Beyond the ages that were planned for, the hazard of the moment may fall before a request is due.
@given(st.floats(0.0, 60.0), st.floats(0.0, 1.0), st.sampled_from(sorted(PLANNED)))
def test_a_poll_is_worth_its_price_when_it_is_due(seen: float, part: float, shape: str) -> None:
    checks = PLANNED[shape]
    price = checks.prices[0] * (0.99 * checks.prices[-1] / checks.prices[0]) ** part
    due = checks.due(seen, price)
    assert due >= 0
    if due > seen:
        assert checks.worth(seen, due + 1e-6) >= 0.6 * price
