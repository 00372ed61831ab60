"""Which view decides: judged by realised delays, in units of what round robin would take."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.selector import Selector, View

ENOUGH = 60_000


def ordered() -> Selector:
    selector = Selector()
    selector.ordered()
    assert selector.view is View.ORDER
    return selector


class Finishes:
    """Finishes noticed by whichever view is in office, one a second; each view has a delay of its own."""

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self.now = 0.0
        self.served: list[View] = []

    def go(
        self,
        count: int,
        *,
        delays: dict[View, float],
        late: bool = False,
        hidden: float = 0.0,
        until: View | None = None,
    ) -> int:
        """How many it took until that view was in office, or all."""
        for number in range(count):
            if self.selector.view is until:
                return number
            self.now += 1
            view = self.selector.view
            self.served.append(view)
            order = view is View.ORDER
            self.selector.noticed(
                delays[view],
                hidden * 50 if order else 0.0,
                1.0,
                now=self.now,
                late=late and order,
                hidden=hidden if order else 0.0,
                surprises=5.0 if hidden and order else 0.0,
            )
        return count

    def share(self, view: View, *, last: int) -> float:
        return self.served[-last:].count(view) / last


GOOD = {View.ORDER: 0.05, View.AGE: 0.9, View.TURN: 1.0}
BAD_ORDER = {View.ORDER: 2.0, View.AGE: 0.9, View.TURN: 1.0}
BAD_AGE = {View.ORDER: 2.0, View.AGE: 1.9, View.TURN: 1.0}


def test_age_decides_until_an_order_is_known_which_is_then_tried_first() -> None:
    assert Selector().view is View.AGE
    assert ordered().view is View.ORDER


def test_an_order_that_becomes_known_after_age_has_served_for_long_is_not_believed_at_once() -> None:
    selector = Selector()
    Finishes(selector).go(200, delays=GOOD)
    selector.ordered()
    assert selector.view is View.AGE


def test_order_that_pays_stays_and_is_proven() -> None:
    selector = ordered()
    assert selector.young
    finishes = Finishes(selector)
    finishes.go(3000, delays=GOOD)
    assert finishes.share(View.ORDER, last=3000) == 1.0
    assert selector.proven
    assert not selector.young


@pytest.mark.parametrize(
    "leave",
    [
        lambda finishes: finishes.go(400, delays=BAD_ORDER, until=View.AGE),
        lambda finishes: finishes.go(400, delays=GOOD, late=True, until=View.AGE),
        lambda finishes: finishes.go(400, delays=GOOD, hidden=0.3, until=View.AGE),
    ],
    ids=["its delays are bad", "it is late", "it does not look where requests have finished"],
)
def test_order_is_dropped_when(leave: Callable[[Finishes], int]) -> None:
    selector = ordered()
    assert leave(Finishes(selector)) < 400
    assert selector.view is View.AGE


def test_order_is_tried_again_only_while_it_predicts_better_than_age() -> None:
    selector = ordered()
    finishes = Finishes(selector)
    finishes.go(400, delays=BAD_ORDER, until=View.AGE)
    finishes.go(8000, delays=GOOD)
    assert finishes.share(View.AGE, last=8000) == 1.0
    for _ in range(1000):
        selector.predicted(order=-0.1, age=-1.5)
    assert finishes.go(8000, delays=GOOD, until=View.ORDER) < 8000
    finishes.go(1000, delays=GOOD)
    assert selector.view is View.ORDER


def test_order_that_fails_again_and_again_is_tried_ever_more_seldom() -> None:
    selector = ordered()
    finishes = Finishes(selector)
    for _ in range(1000):
        selector.predicted(order=-0.1, age=-1.5)
    finishes.go(ENOUGH, delays=BAD_ORDER)
    assert finishes.share(View.ORDER, last=ENOUGH // 2) < 0.1


def test_age_that_does_worse_than_round_robin_gives_way_to_it_and_is_tried_again_ever_more_seldom() -> None:
    selector = Selector()
    finishes = Finishes(selector)
    assert finishes.go(5000, delays=BAD_AGE, until=View.TURN) < 5000
    assert finishes.go(20_000, delays=BAD_AGE, until=View.AGE) < 20_000
    finishes.go(ENOUGH, delays=BAD_AGE)
    assert finishes.share(View.TURN, last=ENOUGH // 2) > 0.75


def test_age_that_has_become_good_again_comes_back_for_good() -> None:
    selector = Selector()
    finishes = Finishes(selector)
    finishes.go(5000, delays=BAD_AGE, until=View.TURN)
    finishes.go(20_000, delays=GOOD)
    assert finishes.share(View.AGE, last=1000) == 1.0


def test_a_few_slow_finishes_topple_nobody() -> None:
    selector = Selector()
    finishes = Finishes(selector)
    for _ in range(100):
        finishes.go(30, delays=GOOD)
        finishes.go(1, delays=BAD_AGE)
    assert finishes.share(View.AGE, last=3000) == 1.0


def test_the_view_in_office_survives_a_restart() -> None:
    selector, again = ordered(), Selector()
    Finishes(selector).go(400, delays=BAD_ORDER, until=View.AGE)
    selector.restore({**selector.state(), "view": "turn"})
    again.restore(json.loads(json.dumps(selector.state())))
    assert again.view is View.TURN
    assert again.state() == selector.state()


words = st.one_of(st.none(), st.floats(), st.integers(-(10**9), 10**9), st.text(max_size=4))


@given(
    st.one_of(
        words,
        st.fixed_dictionaries(
            {"view": st.one_of(words, st.sampled_from(["order", "age", "turn"])), "finishes": words, "gate": words}
        ),
    )
)
def test_a_state_that_is_none_of_ours_is_refused_and_changes_nothing(state: Any) -> None:
    selector = Selector()
    before = selector.state()
    with suppress(KeyError, TypeError, ValueError):
        selector.restore(state)
        before = selector.state()
    assert selector.state() == before
    Finishes(selector).go(50, delays=GOOD)
