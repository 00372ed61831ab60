"""The unfinished requests of one API, and what is learned of them."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.bins import BINS
from exporter.core.learned.pick import Circumstances, Kind, Pick
from exporter.core.learned.promise import EFFORTS
from exporter.core.learned.selector import View
from exporter.core.learned.stream import Stream
from exporter.core.learned.survival import Survival
from exporter.core.schedule import Unfinished
from tests.core.learned.trial import START


def a_request(
    origin: float = 0.0,
    *,
    order: int | None = None,
    dated: bool = True,
    asked: float | None = None,
    erring: bool = False,
) -> Unfinished:
    return Unfinished(
        api="lead_update",
        origin=START + origin,
        order=order,
        dated=dated,
        asked=None if asked is None else START + asked,
        erring=erring,
    )


def circumstances(stream: Stream, *, rate: float = 5.0, longest: float = 1800.0) -> Circumstances:
    unfinished = stream.unfinished
    return Circumstances(rate=rate, round_time=unfinished / rate, unfinished=unfinished, longest=longest)


def chosen(slot: int, view: View = View.TURN) -> Pick:
    return Pick(slot, 1.0, Kind.CHOSEN, view)


def asked(stream: Stream, slot: int, sent: float, *, erring: bool = False) -> None:
    """A request is asked about, and has not finished."""
    stream.take(chosen(slot))
    stream.unfinished_at(slot, START + sent, erring=erring)
    stream.back(slot, START + sent)


def ended(stream: Stream, slot: int, at: float, *, view: View = View.TURN) -> None:
    stream.take(chosen(slot, view))
    stream.finished_by(slot, START + at, round_time=1.0)


def windows(table: Survival) -> list[tuple[float, float]]:
    """The ages at the poll before and at this one, to within a bin, of all polls that the table has learned from."""
    state = table.state()
    ends = zip(state["from"], state["to"], strict=True)
    return [(BINS.edges[int(first)], BINS.edges[int(last)]) for first, last in ends]


def test_a_request_that_is_out_is_not_picked_again_and_still_counts_as_unfinished() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(),), START)
    stream.take(chosen(0))
    assert (stream.waiting, stream.unfinished, stream.asking(0)) == (0, 1, True)
    assert stream.pick(START + 100, circumstances(stream)) is None
    stream.back(0, START + 100)
    assert (stream.waiting, stream.unfinished, stream.asking(0)) == (1, 1, False)


def test_the_first_random_probe_waits_until_its_request_rested_and_then_comes_first() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(),), START)
    for moment in (0.0, 0.2, 0.4):
        pick = stream.pick(START + moment, circumstances(stream))
        assert pick is None or pick.kind is not Kind.PROBE
    pick = stream.pick(START + 0.5, circumstances(stream))
    assert pick is not None
    assert pick.kind is Kind.PROBE
    assert stream.undetected() is None
    stream.take(pick)
    stream.unfinished_at(0, START + 0.5, erring=False)
    assert stream.undetected() is not None


@pytest.mark.parametrize("out", [False, True])
def test_a_finished_request_is_gone(out: bool) -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(),), START)
    if out:
        stream.take(chosen(0))
    stream.finished_by(0, START + 9, round_time=1.0)
    assert (stream.waiting, stream.unfinished) == (0, 0)
    assert stream.pick(START + 100, circumstances(stream)) is None


def test_an_answer_about_a_request_that_was_handed_in_again_meanwhile_is_passed_over() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(),), START)
    stream.unfinished_at(0, START + 5, erring=False)
    assert windows(stream.durations.fresh) == []
    assert stream.waiting == 1


def test_nobody_is_asked_twice_at_one_moment() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(),), START)
    asked(stream, 0, 10.0)
    pick = stream.pick(START + 10.0, circumstances(stream))
    assert pick is None
    assert 0 < stream.soon(START + 10.0, circumstances(stream)) <= 5


def test_requests_without_a_submission_time_teach_a_table_of_their_own() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(dated=False),), START)
    asked(stream, 0, 10.0)
    ended(stream, 0, 20.0)
    assert (stream.durations.fresh.finishes, stream.durations.undated.finishes, stream.durations.erring.finishes) == (
        0,
        1,
        0,
    )
    assert windows(stream.durations.fresh) == []


def test_requests_without_an_order_tell_nothing_of_the_queue() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(),), START)
    assert stream.order.frontier is None
    stream.add((1,), (a_request(order=7),), START)
    assert stream.order.frontier is not None
    position = stream.order.frontier.best.position
    ended(stream, 0, 20.0)
    assert stream.order.frontier.best.position == position
    assert stream.durations.fresh.finishes == 1


def test_both_ordered_and_unordered_ones_are_picked_while_order_decides() -> None:
    stream = Stream(Random(1))
    for slot in range(10):
        stream.add((slot,), (a_request(order=slot if slot % 2 else None),), START)
    for _ in range(100):
        for view in View:
            stream.selector.answered(view, finished=view is View.ORDER)
    assert stream.selector.view is View.ORDER
    picked = set()
    for second in range(1, 11):
        pick = stream.pick(START + 10 * second, circumstances(stream))
        assert pick is not None
        picked.add(pick.slot)
        stream.take(pick)
    assert picked == set(range(10))


def test_what_happens_after_an_error_is_learned_apart_with_a_clock_from_the_error() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(),), START)
    asked(stream, 0, 100.0, erring=True)
    asked(stream, 0, 125.0, erring=True)
    ended(stream, 0, 135.0)
    assert (stream.durations.fresh.finishes, stream.durations.erring.finishes) == (0, 1)
    assert windows(stream.durations.erring) == [pytest.approx((0, 25), rel=0.02), pytest.approx((25, 35), rel=0.02)]
    assert windows(stream.durations.fresh) == [pytest.approx((0, 100), rel=0.02)]


def test_a_request_that_recovers_from_its_error_goes_on_as_one_of_unknown_order() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(),), START)
    asked(stream, 0, 100.0, erring=True)
    asked(stream, 0, 200.0, erring=False)
    ended(stream, 0, 210.0)
    assert (stream.durations.fresh.finishes, stream.durations.erring.finishes) == (1, 0)


def test_exposure_counts_from_the_last_poll_before_a_restart() -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(0.0, asked=50.0),), START + 60)
    asked(stream, 0, 70.0)
    assert windows(stream.durations.fresh) == [pytest.approx((50, 70), rel=0.02)]


@given(st.floats(-100, 100), st.floats(-100, 1e5), st.floats(0, 1e5), st.booleans(), st.booleans())
def test_a_finish_is_placed_within_its_window_whatever_the_clocks_say(
    origin: float, lower: float, width: float, dated: bool, erring: bool
) -> None:
    stream = Stream(Random(1))
    stream.add((0,), (a_request(origin, dated=dated, erring=erring),), START)
    for _ in range(3):
        assert START + lower <= stream.place(0, START + lower, START + lower + width) <= START + lower + width


def test_many_finishes_are_placed_as_their_distribution_says() -> None:
    random, stream = Random(1), Stream(Random(1))
    for slot in range(400):
        duration = random.expovariate(1 / 10)
        stream.add((slot,), (a_request(),), START)
        for age in range(1, int(duration) + 1):
            asked(stream, slot, age)
        ended(stream, slot, int(duration) + 1)
    stream.add((400,), (a_request(),), START)
    placed = sorted(stream.place(400, START, START + 100) - START for _ in range(1000))
    assert placed[500] == pytest.approx(7.0, rel=0.2)
    assert placed[900] == pytest.approx(23.0, rel=0.25)


def test_finishes_of_a_queue_are_placed_when_it_passed_them() -> None:
    stream = Stream(Random(1))
    for slot in range(400):
        stream.add((slot,), (a_request(order=slot),), START)
    for slot in range(200):
        if slot:
            asked(stream, slot, slot / 2)
        ended(stream, slot, slot / 2 + 0.55, view=View.ORDER)
    assert stream.selector.proven
    # The queue gets two done a second; nobody asked about the next ones for 20 s.
    for slot, finish in ((205, 103.0), (220, 110.5)):
        placed = [stream.place(slot, START, START + 120.0) - START for _ in range(100)]
        assert sorted(placed)[50] == pytest.approx(finish, abs=3.0)
        assert min(placed) > finish - 15


def test_a_poll_has_its_price_whether_there_are_more_than_wanted_or_not() -> None:
    random = Random(1)
    found = []
    for rate, effort in ((50.0, "normal"), (0.5, "normal"), (50.0, "high")):
        stream = Stream(Random(1), EFFORTS[effort])
        for slot in range(200):
            at = float(slot)
            stream.add((slot,), (a_request(at),), START + at)
            if slot >= 10:
                ended(stream, slot - 10, at + random.random())
        pick = stream.pick(START + 200, circumstances(stream, rate=rate))
        assert pick is not None
        found.append((stream.calm, stream.saving))
    assert found == [(True, True), (False, True), (False, False)]


def test_the_vendors_figure_counts_when_it_changes_and_not_by_its_size() -> None:
    stream = Stream(Random(1))
    stream.add((1000,), (a_request(order=0),), START)
    assert stream.order.frontier is not None
    for slot in range(100):
        stream.add((slot,), (a_request(order=slot + 1),), START)
        ended(stream, slot, 1 + slot / 2)
    before = stream.order.frontier.best.speed
    # It counts other customers too: ten times as many. What it says at first is taken for that after some time.
    for _ in range(60):
        stream.queue_speed(20.0, START + 51)
    settled = stream.order.frontier.best.speed
    stream.queue_speed(20.0, START + 51)
    assert stream.order.frontier.best.speed == settled
    stream.queue_speed(400.0, START + 51)
    assert stream.order.frontier.best.speed > settled
    assert before > 0


@pytest.mark.parametrize("per_second", [0.0, -1.0, 5.0])
def test_a_figure_that_tells_nothing_yet_is_passed_over(per_second: float) -> None:
    stream = Stream(Random(1))
    stream.queue_speed(per_second, START)
    stream.add((0,), (a_request(order=0),), START)
    stream.queue_speed(per_second, START + 1)
    assert stream.order.frontier is not None
    assert stream.order.frontier.best.speed == 1.0


def test_what_was_learned_survives_as_json() -> None:
    random, stream, again = Random(1), Stream(Random(1)), Stream(Random(1))
    for slot in range(300):
        stream.add((slot,), (a_request(slot, order=slot, dated=slot % 3 > 0),), START + slot)
        asked(stream, slot, slot + 5.0, erring=slot % 7 == 0)
        ended(stream, slot, slot + 5.5 + random.random())
    state = json.loads(json.dumps(stream.state()))
    again.restore(state)
    assert again.state() == state
    again.add((0,), (a_request(order=0),), START)
    assert again.order.frontier is not None
    assert stream.order.frontier is not None
    assert again.order.frontier.best.width == stream.order.frontier.best.width


broken: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.integers(-9, 9), st.floats(), st.text(max_size=3), st.lists(st.floats(), max_size=3), st.just({})
)
parts = ["fresh", "erring", "undated", "selector", "frontier", "promise"]


@given(st.one_of(broken, st.dictionaries(st.sampled_from(parts), broken)), st.sampled_from(parts), broken)
def test_with_a_state_that_is_none_of_ours_it_starts_anew(state: Any, part: str, damage: Any) -> None:
    for one in (state, {**Stream(Random(1)).state(), part: damage}):
        stream = Stream(Random(1))
        stream.restore(one)
        for slot in range(5):
            stream.add((slot,), (a_request(order=slot),), START)
        pick = stream.pick(START + 60, circumstances(stream))
        assert pick is not None
        ended(stream, pick.slot, 61)
