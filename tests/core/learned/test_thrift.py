"""What part of the planned price is asked at light load."""

from exporter.core.learned.thrift import ENOUGH, Thrift


def after(polls: str) -> float:
    """`+` found a finish, `-` did not."""
    thrift = Thrift()
    for poll in polls:
        thrift.polled(found=poll == "+")
    return thrift.part


def test_the_whole_price_is_asked_where_polls_find_as_much_as_planned() -> None:
    assert after("") == after("+--" * 50) == 1.0


def test_the_price_falls_while_nearly_every_poll_finds_a_finish() -> None:
    assert after("+" * 20) < 0.1
    assert after("+++-" * 50) < 0.01


def test_the_price_rises_again_when_polls_find_nothing() -> None:
    assert after("+" * 20 + "-" * 20) == 1.0


def test_it_stays_where_just_enough_of_the_polls_find_one() -> None:
    assert after("+" * 10 + "++-+-" * 20) < after("+" * 9) * 1.001
    assert ENOUGH == 0.6


def test_after_any_number_of_finds_a_few_polls_in_vain_are_enough_to_save_again() -> None:
    assert after("+" * 10_000 + "-" * 60) == 1.0
