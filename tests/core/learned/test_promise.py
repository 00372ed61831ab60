"""What is aimed at, so that a promise is kept."""

import pytest

from exporter.core.learned.promise import AIM, EFFORTS, SAVING, Promise


def after(effort: str, finishes: int, *, late: float, lasted: float, saving: bool = True) -> Promise:
    promise = Promise(EFFORTS[effort])
    for _ in range(finishes):
        promise.noticed(late, lasted=lasted, saving=saving)
    return promise


@pytest.mark.parametrize(
    ("effort", "lasted", "promised"),
    [
        ("normal", 20.0, 5.0),
        ("normal", 200.0, 20.0),
        ("low", 20.0, 30.0),
        ("low", 300.0, 100.0),
    ],
)
def test_it_aims_below_the_part_of_the_durations_or_the_seconds(effort: str, lasted: float, promised: float) -> None:
    assert after(effort, 50, late=0.5 * promised, lasted=lasted).aim == pytest.approx(AIM * promised)


def test_before_the_first_finish_it_aims_below_the_seconds() -> None:
    assert [Promise(EFFORTS[effort]).aim for effort in ("normal", "low")] == [AIM * 5.0, AIM * 30.0]


def test_what_was_late_for_long_is_made_up_for() -> None:
    assert after("normal", 50, late=19.0, lasted=200.0).aim < 0.2 * AIM * 20.0


def test_durations_that_fell_of_late_are_what_counts() -> None:
    promise = after("normal", 500, late=10.0, lasted=200.0)
    for _ in range(400):
        promise.noticed(1.0, lasted=20.0, saving=True)
    assert promise.aim < AIM * 6.0


def test_the_price_falls_while_finishes_are_late_until_nothing_is_saved() -> None:
    assert after("normal", 30, late=0.0, lasted=20.0).part > 1
    assert after("normal", 30, late=20.0, lasted=20.0).part < SAVING


def test_the_price_does_not_fall_where_it_was_the_budget_that_made_it_late() -> None:
    assert after("normal", 30, late=20.0, lasted=20.0, saving=False).part == 1


@pytest.mark.parametrize(
    ("effort", "lasted", "part"), [("normal", 200.0, 1 / 11), ("normal", 5.0, 0.5), ("low", 300.0, 0.25)]
)
def test_so_large_a_part_is_finished_unnoticed_while_the_promise_is_just_kept(
    effort: str, lasted: float, part: float
) -> None:
    assert after(effort, 20, late=1.0, lasted=lasted).unnoticed == pytest.approx(part)


def test_it_goes_on_with_what_was_stored() -> None:
    before, again = after("low", 20, late=9.0, lasted=90.0), Promise(EFFORTS["low"])
    again.restore(before.state())
    assert (again.state(), again.aim) == (before.state(), before.aim)


@pytest.mark.parametrize(
    "stored", [[], [1.0], [1.0, 2.0, float("nan"), 4.0], [1.0, 2.0, -1.0, 4.0], [1.0, 2.0, 3.0, 1e9]]
)
def test_what_no_promise_has_stored_is_refused(stored: list[float]) -> None:
    with pytest.raises(ValueError, match=r"not what|unpack"):
        Promise(EFFORTS["low"]).restore(stored)
