"""The part of the polls that looks for exceptions ahead of the frontier."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.sweep import LARGEST_SHARE, LEAST_SHARE, NEAR, Sweep, farthest


def swept(sweep: Sweep, polls: int) -> int:
    """How many of some polls in order look ahead."""
    taken = 0
    for _ in range(polls):
        if sweep.due():
            sweep.spend()
            taken += 1
    return taken


def after(ahead: bool, in_order: bool) -> Sweep:
    """What is left to do after many polls of both kinds, all of which found something, or none."""
    sweep = Sweep()
    for _ in range(200):
        sweep.polled(ahead=True, found=ahead)
        sweep.polled(ahead=False, found=in_order)
    return sweep


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=300))
def test_the_share_keeps_within_its_bounds(polls: list[tuple[bool, bool]]) -> None:
    sweep = Sweep()
    for ahead, found in polls:
        sweep.polled(ahead=ahead, found=found)
        assert LEAST_SHARE <= sweep.share <= LARGEST_SHARE


def test_a_queue_without_exceptions_pays_one_poll_in_a_hundred() -> None:
    assert swept(after(ahead=False, in_order=True), 1000) == 1000 * LEAST_SHARE


def test_where_exceptions_are_found_much_of_the_polls_looks_for_more() -> None:
    assert swept(after(ahead=True, in_order=True), 1000) == 1000 * LARGEST_SHARE


def test_of_two_unasked_equally_long_the_farther_one_is_asked() -> None:
    assert farthest([(1, -5.0, 60.0), (2, -9.0, 60.0)]) == 2


def test_of_two_equally_far_the_one_unasked_for_longer_is_asked() -> None:
    assert farthest([(1, -5.0, 60.0), (2, -5.0, 30.0)]) == 1


def test_near_the_frontier_and_behind_it_the_order_asks() -> None:
    assert farthest([(1, -NEAR, 600.0), (2, 0.0, 600.0), (3, 4.0, 600.0)]) is None


def test_among_nobody_nobody_is_asked() -> None:
    assert farthest([]) is None
