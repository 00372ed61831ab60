"""What a poll is worth by the hazard of the moment."""

from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.value import value

gathered = st.floats(1e-6, 200.0)
hazards = st.floats(1e-6, 100.0)
MEAN = 20.0


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
