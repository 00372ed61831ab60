"""Bounds on what a poll is worth."""

from math import exp

from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.bids import Bids
from exporter.core.learned.bins import BINS
from exporter.core.learned.checks import Bound, Checks
from exporter.core.learned.survival import Survival
from tests.core.learned.test_checks import PLANNED


def fast() -> Checks:
    """Whoever is asked about late has gathered so much that its value grows exponentially no more."""
    table = Survival()
    table.hazards = [3.0] * BINS.size
    table.cumulative = [3.0 * edge for edge in BINS.edges]
    return Checks(table)


SHAPES = PLANNED | {"fast": fast()}


def bids(bound: Bound) -> tuple[Bids, list[float]]:
    """With the times at which a bound was asked for."""
    asked: list[float] = []

    def bid(slot: int, now: float) -> Bound:
        del slot
        asked.append(now)
        return bound._replace(until=now + bound.until)

    return Bids(bid), asked


@given(
    st.floats(0.0, 3e5),
    st.floats(0.0, 500.0),
    st.lists(st.floats(0.0, 20.0), max_size=20),
    st.sampled_from(sorted(SHAPES)),
)
def test_no_poll_is_worth_more_than_its_bound_however_old_that_is(
    seen: float, waited: float, steps: list[float], shape: str
) -> None:
    checks, age = SHAPES[shape], seen + waited
    found = Bids(lambda _, now: checks.bound(seen, now))
    for step in [0.0, *steps]:
        age += step
        (bound,) = found.bounds([0], age)
        assert bound >= checks.worth(seen, age) * (1 - 1e-9)


def test_a_bound_is_kept_until_its_time() -> None:
    found, asked = bids(Bound(5.0, 3.0, 0.0, 0.0))
    assert [found.bounds([7], now) for now in (10.0, 12.0, 14.9)] == [[3.0]] * 3
    assert asked == [10.0]
    found.bounds([7], 15.0)
    assert asked == [10.0, 15.0]


def test_before_its_time_it_is_lower_by_what_it_grows_but_for_the_least() -> None:
    found, _ = bids(Bound(2.0, 3.0, 0.5, 2.0))
    assert [found.bounds([7], now) for now in (10.0, 11.9)] == [[2.0], [3.0 * exp(-0.5 * (12.0 - 11.9))]]


def test_a_dropped_bound_is_asked_for_anew() -> None:
    found, asked = bids(Bound(5.0, 3.0, 0.0, 0.0))
    found.bounds([7, 8], 10.0)
    found.drop(7)
    found.bounds([7, 8], 11.0)
    assert asked == [10.0, 10.0, 11.0]
    found.clear()
    found.bounds([7, 8], 12.0)
    assert asked == [10.0, 10.0, 11.0, 12.0, 12.0]
