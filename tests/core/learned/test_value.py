"""What a poll is worth, and what it has to be worth."""

from math import exp, inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.survival import Survival
from exporter.core.learned.value import polls_at, price, value

gathered = st.floats(1e-6, 200.0)
hazards = st.floats(1e-6, 100.0)
MEAN = 20.0


@pytest.fixture(scope="module")
def table() -> Survival:
    """Learned from requests that last 20 s on average, each polled every second."""
    random, table = Random(1), Survival(1e9)
    for _ in range(3000):
        duration = random.expovariate(1 / MEAN)
        whole = int(duration)
        if whole:
            table.unfinished(0.0, float(whole))
        table.finished(float(whole), whole + 1.0)
    return table


@given(gathered, st.floats(1e-3, 50.0), hazards)
def test_a_poll_is_worth_more_the_more_hazard_was_gathered(x: float, more: float, hazard: float) -> None:
    assert 0 <= value(x, hazard) < value(x + more, hazard) < inf


@given(gathered, hazards)
def test_of_two_that_gathered_as_much_the_slower_one_is_worth_more(x: float, hazard: float) -> None:
    assert value(x, hazard / 2) == pytest.approx(2 * value(x, hazard))


@pytest.mark.parametrize(("x", "hazard"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0)])
def test_where_nothing_was_gathered_or_nothing_is_due_a_poll_is_worth_nothing(x: float, hazard: float) -> None:
    assert value(x, hazard) == 0


def test_the_value_goes_on_smoothly_where_it_would_grow_beyond_all_numbers() -> None:
    assert value(30.0 - 1e-9, 1.0) == pytest.approx(value(30.0 + 1e-9, 1.0), rel=1e-6)
    assert value(1e9, 1e-6) < inf


@pytest.mark.parametrize("interval", [3.0, 20.0, 60.0])
def test_for_a_constant_hazard_it_is_the_price_at_which_polling_now_is_best(interval: float) -> None:
    """Whittle's index: at that price of a poll no other interval has a lower mean of delay and polls paid."""
    worth = value(interval / MEAN, 1 / MEAN)

    def cost(every: float) -> float:
        polls = 1 / (1 - exp(-every / MEAN))
        return polls * every - MEAN + worth * polls

    assert min((cost(interval * (0.5 + k / 1000)), k) for k in range(1001))[1] == pytest.approx(500, abs=2)


@pytest.mark.parametrize("wanted", [1.5, 2.0, 3.3, 6.0])
def test_at_its_price_a_request_takes_about_the_wanted_polls(table: Survival, wanted: float) -> None:
    worth, random, polls = price(table, wanted), Random(2), 0
    for _ in range(1000):
        duration, seen, age = random.expovariate(1 / MEAN), 0.0, 0.0
        while seen < duration:
            age += 0.25
            if value(table.integrated(age) - table.integrated(seen), table.hazard(age)) >= worth:
                polls, seen = polls + 1, age
    assert polls / 1000 == pytest.approx(wanted, rel=0.15)


def test_fewer_polls_have_a_higher_price_and_polls_without_end_none(table: Survival) -> None:
    prices = [price(table, polls) for polls in (1.5, 2.0, 3.3, 10.0, inf)]
    assert prices == sorted(prices, reverse=True)
    assert prices[-1] == 0


def test_a_higher_price_never_brings_more_polls(table: Survival) -> None:
    polls = [polls_at(table, 0.02 * 1.5**k) for k in range(25)]
    assert polls == sorted(polls, reverse=True)
