"""Which view asks next: shares of the polls that follow what each view's polls find."""

import json
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.selector import LEAST, MOST_CREDIT, Selector, View


def ordered() -> Selector:
    selector = Selector()
    selector.ordered()
    return selector


def poll(selector: Selector, rates: Mapping[View, float], polls: int, *, seed: int = 1) -> Counter[View]:
    """How often each view asked, when polls of a view find a finish with such a probability."""
    random, made = Random(seed), Counter[View]()
    for _ in range(polls):
        view = selector.due
        made[view] += 1
        selector.asked(view)
        selector.answered(view, finished=random.random() < rates[view])
    return made


FIFO = {View.TURN: 0.02, View.AGE: 0.02, View.ORDER: 0.5}
LIFO = {View.TURN: 0.45, View.AGE: 0.3, View.ORDER: 0.0}
NARROW = {View.TURN: 0.2, View.AGE: 0.45, View.ORDER: 0.2}


@pytest.mark.parametrize(("rates", "best"), [(FIFO, View.ORDER), (LIFO, View.TURN), (NARROW, View.AGE)])
def test_whoever_finds_most_asks_most(rates: Mapping[View, float], best: View) -> None:
    selector = ordered()
    poll(selector, rates, 500)
    made = poll(selector, rates, 2000, seed=2)
    assert selector.view is best
    assert made[best] > 0.75 * 2000


def test_with_equal_success_the_order_asks_least() -> None:
    made = Counter[View]()
    for seed in range(4):
        made += poll(ordered(), dict.fromkeys(View, 0.4), 10_000, seed=seed)
    assert made[View.ORDER] < (made[View.TURN] + made[View.AGE]) / 8


def test_a_useless_order_costs_few_polls_from_the_start() -> None:
    assert poll(ordered(), LIFO, 300)[View.ORDER] < 45


def test_a_useful_order_has_proven_itself_within_a_minute_of_polls() -> None:
    selector = ordered()
    assert not selector.proven
    poll(selector, FIFO, 300)
    assert selector.proven


def test_a_queue_that_changes_changes_the_view_and_back() -> None:
    selector = ordered()
    for rates, best in ((FIFO, View.ORDER), (LIFO, View.TURN), (FIFO, View.ORDER)):
        poll(selector, rates, 1000)
        assert selector.view is best


def test_nobody_is_given_up() -> None:
    selector = ordered()
    poll(selector, FIFO, 2000)
    assert min(selector.share(view) for view in View) >= LEAST
    assert min(poll(selector, FIFO, 2000, seed=3).values()) > 0.5 * LEAST * 2000


def test_without_an_order_there_are_two_views() -> None:
    selector = Selector()
    assert selector.share(View.ORDER) == 0
    assert set(poll(selector, NARROW, 1000)) == {View.TURN, View.AGE}
    assert selector.view is View.AGE
    assert not selector.proven


def test_polls_beyond_its_share_are_not_held_against_a_view_for_long() -> None:
    """The stalest are asked for the turn, however many they are."""
    selector = ordered()
    poll(selector, FIFO, 500)
    for _ in range(500):
        selector.asked(View.TURN)
        selector.answered(View.TURN, finished=True)
    assert selector.view is View.TURN
    waiting = 0
    while selector.due is not View.TURN:
        selector.asked(selector.due)
        waiting += 1
    assert waiting <= 4 * MOST_CREDIT


@given(st.lists(st.tuples(st.sampled_from(View), st.booleans()), max_size=300))
def test_shares_always_add_up_and_credits_stay_bounded(answers: list[tuple[View, bool]]) -> None:
    selector = ordered()
    for view, finished in answers:
        selector.asked(view)
        selector.answered(view, finished=finished)
        assert sum(selector.share(view) for view in View) == pytest.approx(1)
        assert min(selector.share(view) for view in View) >= LEAST


def test_what_was_learned_survives_a_restart() -> None:
    selector, again = ordered(), Selector()
    poll(selector, FIFO, 500)
    again.restore(json.loads(json.dumps(selector.state())))
    assert again.state() == selector.state()
    assert again.view is View.ORDER
    assert again.proven


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"turn": [1.0, 2.0], "age": [1.0, 0.0]},
        {"turn": [float("nan"), 0.0], "age": [1.0, 0.0]},
        {"turn": [1.0], "age": [1.0, 0.0]},
        {"view": "age", "finishes": 100, "gate": -1.0},
        None,
        7,
    ],
)
def test_a_state_that_is_none_of_ours_is_refused(state: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Selector().restore(state)
