"""Parts of the polls for a purpose."""

import pytest

from exporter.core.learned.ration import Rate, Ration


def test_a_share_of_a_quarter_makes_every_fourth_poll() -> None:
    ration, taken = Ration(2.0), 0
    for _ in range(100):
        ration.grow(0.25)
        if ration.due:
            ration.spend()
            taken += 1
    assert taken == 25


def test_what_was_not_taken_is_saved_up_to_the_most() -> None:
    ration, taken = Ration(3.0), 0
    for _ in range(100):
        ration.grow(0.25)
    while ration.due:
        ration.spend()
        taken += 1
    assert taken == 3


def test_what_it_begins_with_can_be_taken_at_once() -> None:
    assert Ration(2.0, saved=1.0).due
    assert not Ration(2.0).due


def test_a_rate_follows_what_is_seen_and_forgets_what_it_began_with() -> None:
    rate = Rate(5.0, 5.0)
    for number in range(1000):
        rate.saw(number % 4 == 0)
    assert rate.value == pytest.approx(0.25, abs=0.02)


def test_rates_are_compared_by_their_ratio_which_is_never_negative_nor_infinite() -> None:
    assert Rate(1.0, 4.0).over(Rate(1.0, 2.0)) == 0.5
    assert Rate(-1.0, 4.0).over(Rate(1.0, 2.0)) == 0
    assert Rate(1.0, 1.0).over(Rate(0.0, 4.0)) == 50
