"""The part of the polls that goes to whoever was not asked for longest."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.quota import LARGEST_SHARE, LEAST_SHARE, Quota

ROUND = 100.0
LONG_AGO = 1000.0


def granted(
    quota: Quota, picks: int, unasked: float, *, calm: bool = False, longest: float = inf, few: bool = True
) -> float:
    """The part of some picks that went to a request not asked about for `unasked` seconds."""
    return sum(quota.due(unasked, round_time=ROUND, calm=calm, few=few, longest=longest) for _ in range(picks)) / picks


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.0, 1e4)), max_size=200))
def test_the_share_keeps_within_its_bounds(events: list[tuple[bool, bool, float]]) -> None:
    quota = Quota()
    for stale, found, delay in events:
        quota.polled(stale=stale, found=found)
        quota.noticed(delay, round_time=ROUND)
        assert LEAST_SHARE <= quota.share <= LARGEST_SHARE


def test_whoever_waits_too_long_gets_the_share_and_no_more() -> None:
    quota = Quota()
    assert granted(quota, 2000, LONG_AGO) == pytest.approx(quota.share, abs=0.01)


def test_nobody_who_was_asked_within_a_round_is_asked_out_of_turn() -> None:
    assert granted(Quota(), 100, ROUND) == 0


def test_at_light_load_polls_are_saved_for_some_rounds() -> None:
    assert granted(Quota(), 100, 5 * ROUND, calm=True) == 0
    assert granted(Quota(), 100, 20 * ROUND, calm=True) > 0


def test_at_light_load_the_configured_staleness_holds_for_everyone() -> None:
    assert granted(Quota(), 100, 31.0, calm=True, longest=30.0) == 1.0
    assert granted(Quota(), 100, 29.0, calm=True, longest=30.0) == 0.0


def test_an_overdue_backlog_takes_only_a_part_of_the_polls_even_if_there_are_enough() -> None:
    assert 0.1 < granted(Quota(), 1000, 31.0, calm=True, longest=30.0, few=False) < 0.35


def test_while_the_budget_is_short_who_is_overdue_gets_a_bounded_part_of_it() -> None:
    assert 0.1 < granted(Quota(), 1000, 31.0, longest=30.0) < 0.35


def test_those_asked_at_light_load_are_not_charged_to_when_the_budget_is_short() -> None:
    quota = Quota()
    granted(quota, 10_000, 31.0, calm=True, longest=30.0)
    assert granted(quota, 1000, 31.0, longest=30.0) > 0.1


def test_finishes_noticed_late_raise_the_share_and_timely_ones_lower_it() -> None:
    quota = Quota()
    for _ in range(100):
        quota.polled(stale=True, found=False)
        quota.polled(stale=True, found=True)
        quota.polled(stale=False, found=True)
    shares = []
    for delay, count in ((0.1, 5000), (10 * ROUND, 8), (0.1, 5000)):
        for _ in range(count):
            assert quota.noticed(delay, round_time=ROUND) == (delay > ROUND)
        shares.append(quota.share)
    assert shares[0] < shares[1]
    assert shares[2] < shares[1]


def test_one_late_finish_in_a_hundred_is_tolerated() -> None:
    quota = Quota()
    shares = []
    for number in range(3000):
        quota.noticed(10 * ROUND if number % 150 == 0 else 0.1, round_time=ROUND)
        shares.append(quota.share)
    assert shares[-1] <= shares[0]


def test_the_more_such_polls_find_the_larger_their_share() -> None:
    poor, rich = Quota(), Quota()
    for quota, found in ((poor, False), (rich, True)):
        for number in range(300):
            quota.polled(stale=True, found=found)
            quota.polled(stale=False, found=number % 2 == 0)
    assert poor.share < rich.share
    assert poor.share == LEAST_SHARE


def test_while_the_order_is_known_few_polls_go_elsewhere_until_it_is_not() -> None:
    quota = Quota()
    usual = quota.share
    quota.relax()
    assert quota.share < usual / 3
    quota.tighten()
    assert quota.share >= usual


def test_a_round_that_just_got_short_does_not_make_a_finish_late() -> None:
    quota = Quota()
    quota.noticed(1.0, round_time=ROUND)
    assert not quota.noticed(ROUND, round_time=1.0)
