"""What a run came to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulate.report import busiest, quantile


@pytest.mark.parametrize(("level", "value"), [(0.0, 1.0), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)])
def test_quantiles_lie_between_the_two_nearest(level: float, value: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], level) == pytest.approx(value)


def test_nothing_has_no_quantile() -> None:
    assert quantile([], 0.5) is None


def test_two_calls_exactly_a_period_apart_share_no_window() -> None:
    assert busiest([0.0, 5.0, 10.0], 5.0) == 1
    assert busiest([0.0, 4.999, 5.0], 5.0) == 2
    assert busiest([], 5.0) == 0


@given(st.lists(st.floats(0, 100), max_size=60), st.floats(0.1, 50))
def test_the_busiest_window_is_the_most_that_any_window_beginning_with_a_call_holds(
    times: list[float], period: float
) -> None:
    calls = sorted(times)

    assert busiest(calls, period) == max(
        (sum(0 <= other - call < period for other in calls) for call in calls), default=0
    )
