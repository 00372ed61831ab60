"""What is polled next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.agenda import Agenda
from exporter.core.schedule import MIN_INTERVAL, Age, Fixed, Policy, RoundRobin, Unfinished


def unfinished(origin: float = 0.0, asked: float | None = None) -> Unfinished:
    return Unfinished(api="lead_update", origin=origin, asked=asked)


def polled(policy: Policy, now: float, count: int) -> list[int]:
    """The next picks at one moment; each is answered at once."""
    picks = []
    for _ in range(count):
        slot = policy.next(now)
        if slot is None:
            break
        picks.append(slot)
        policy.again(slot, now=now)
    return picks


def test_round_robin_polls_the_longest_unpolled_first() -> None:
    policy = RoundRobin(0.0)
    for slot, asked in ((0, 30.0), (1, 10.0), (2, 20.0)):
        policy.add((slot,), (unfinished(asked=asked),), now=100.0)
    assert polled(policy, 100.0, 5) == [1, 2, 0]
    assert polled(policy, 100.5, 5) == []
    assert len(polled(policy, 100.0 + MIN_INTERVAL, 5)) == 3


def test_nothing_is_polled_twice_while_its_answer_is_awaited() -> None:
    policy = RoundRobin(0.0)
    policy.add((7,), (unfinished(),), now=1.0)
    assert policy.next(2.0) == 7
    assert policy.next(99.0) is None


def test_a_forgotten_slot_is_not_polled_again() -> None:
    policy = RoundRobin(0.0)
    policy.add((7,), (unfinished(),), now=1.0)
    policy.forget(7)
    policy.again(7, now=1.0)
    assert policy.next(9.0) is None
    assert policy.due() is None


def test_age_waits_a_tenth_of_the_age_and_at_most_the_staleness() -> None:
    policy = Age(0.0, max_staleness=100.0)
    policy.add((0,), (unfinished(),), now=0.0)
    for now, pause in ((2.0, 1.0), (50.0, 5.0), (5000.0, 100.0)):
        policy.next(now)
        policy.again(0, now=now)
        assert policy.due() == pytest.approx(now + pause, abs=0.01)


def test_fixed_asks_again_after_its_interval() -> None:
    policy = Fixed(0.0, 15.0)
    policy.add((0,), (unfinished(origin=2.0),), now=2.0)
    assert policy.next(16.9) is None
    assert policy.next(17.0) == 0
    policy.again(0, now=17.0)
    assert policy.due() == pytest.approx(32.0, abs=0.01)


def test_a_request_that_is_not_to_be_asked_before_a_time_waits_for_it() -> None:
    policy = Age(0.0, max_staleness=100.0)
    policy.add((0,), (unfinished(),), now=0.0)
    assert policy.next(1.0) == 0
    policy.again(0, now=1.0, not_before=31.0)
    assert policy.next(30.9) is None
    assert policy.next(31.0) == 0


@pytest.mark.parametrize("chosen", [RoundRobin(0.0), Age(0.0, max_staleness=1800.0)])
def test_overload_stretches_intervals_and_starves_nobody(chosen: Policy) -> None:
    for slot in range(100):
        chosen.add((slot,), (unfinished(),), now=0.0)
    last = dict.fromkeys(range(100), 0.0)
    for step in range(1000):
        now = 1.0 + step * 2.0
        picked = chosen.next(now)
        assert picked is not None
        last[picked] = now
        chosen.again(picked, now=now)
    assert min(last.values()) > 1500.0


@given(
    st.lists(st.tuples(st.sampled_from(["put", "drop", "pop"]), st.integers(0, 9), st.integers(0, 1000)), max_size=200)
)
def test_an_agenda_gives_what_a_plain_dictionary_gives(steps: list[tuple[str, int, int]]) -> None:
    agenda, model = Agenda(0.0), dict[int, float]()
    for step, slot, time in steps:
        if step == "put":
            agenda.put((slot,), (float(time),))
            model[slot] = float(time)
        elif step == "drop":
            agenda.drop(slot)
            model.pop(slot, None)
        else:
            first = min(model.values(), default=None)
            found = agenda.pop(float(time))
            if first is None or first > time:
                assert found is None
            else:
                assert found is not None
                assert model.pop(found) == first
        assert len(agenda) == len(model)
        assert agenda.first() == min(model.values(), default=None)
