"""Calls spread over the time that a budget allows them in."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.pacer import HASTE, Pacer

START = 1.7e9


def a_pacer(rate: float = 5.0, burst: float = 25.0) -> Pacer:
    return Pacer(rate=rate, burst=burst, now=START)


def made(pacer: Pacer, now: float) -> int:
    """All calls that can be made at one moment."""
    calls = 0
    while pacer.ready(now):
        pacer.spend()
        calls += 1
    return calls


steps = st.lists(st.tuples(st.floats(0.0, 30.0), st.sampled_from(["call", "wait", "block", "forever"])), max_size=40)


@given(st.floats(0.1, 20.0), st.integers(1, 60), steps)
def test_there_are_never_more_calls_than_a_burst_and_the_rate(
    rate: float, burst: int, steps: list[tuple[float, str]]
) -> None:
    pacer, now, calls = a_pacer(rate, burst), START, 0
    for elapsed, what in steps:
        now += elapsed
        if what == "call":
            calls += made(pacer, now)
        elif what == "block":
            pacer.blocked(now + elapsed)
        elif what == "forever":
            pacer.blocked(inf)
        assert calls <= burst + rate * HASTE * (now - START) + 0.01


@given(st.floats(0.1, 20.0), st.integers(1, 60), st.lists(st.floats(0.0, 30.0), min_size=1, max_size=20))
def test_a_call_is_ready_when_it_is_said_to_be_due_and_not_before(rate: float, burst: int, pauses: list[float]) -> None:
    pacer, now = a_pacer(rate, burst), START
    for pause in pauses:
        now += pause
        made(pacer, now)
        due = pacer.due()
        assert due > now
        assert not pacer.ready(due - 0.02 / rate)
        assert pacer.ready(due)
        now = due


def test_calls_come_evenly_and_a_little_faster_than_the_rate() -> None:
    pacer, times, now = a_pacer(), [], START
    for _ in range(100):
        now = max(now, pacer.due())
        assert pacer.ready(now)
        pacer.spend()
        times.append(now)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) - min(gaps) < 0.01
    assert 1.0 < 99 / (times[-1] - times[0]) / 5.0 <= HASTE + 0.01


def test_what_was_not_used_is_saved_up_to_the_burst() -> None:
    pacer = a_pacer()
    assert made(pacer, START) == 1
    assert made(pacer, START + 3600) == 25


def test_no_call_is_saved_up_while_the_budget_blocks() -> None:
    pacer = a_pacer()
    pacer.ready(START + 60)
    pacer.blocked(START + 3600)
    assert pacer.due() == START + 3600
    assert made(pacer, START + 3599) == 0
    assert made(pacer, START + 3600) == 1
    assert made(pacer, START + 3600 + 1 / 5.0) == 1


def test_a_budget_that_blocks_until_nobody_knows_when_leaves_one_call_ready() -> None:
    pacer = a_pacer()
    pacer.ready(START + 60)
    pacer.blocked(inf)
    assert pacer.due() == START + 60
    assert made(pacer, START + 60) == 1


def test_a_block_ends_early_when_the_budget_says_so() -> None:
    pacer = a_pacer()
    pacer.blocked(START + 86400)
    pacer.blocked(START + 10)
    assert pacer.due() == START + 10
    assert made(pacer, START + 10) == 1


@pytest.mark.parametrize("rate", [0.5, 50.0])
def test_a_changed_rate_counts_at_once(rate: float) -> None:
    pacer = a_pacer()
    made(pacer, START)
    pacer.rate = rate
    assert pacer.due() == pytest.approx(START + 1 / rate / HASTE)
