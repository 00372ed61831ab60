"""How long requests last, learned from polls that only bound each finish."""

import json
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from math import erf, exp, expm1, inf, isfinite, log, sqrt
from random import Random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.core.learned.bins import BINS
from exporter.core.learned.survival import Survival, _expected

# A table that forgets nothing within these tests.
FOR_EVER = 1e9
windows = st.tuples(st.floats(0.0, 4e5), st.floats(1e-3, 4e5)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def exponential(age: float) -> float:
    return 1 - exp(-age / 20)


def lognormal(age: float) -> float:
    return 0.5 * (1 + erf(log(age / 40) / 0.15 / sqrt(2))) if age > 0 else 0.0


def uniform(age: float) -> float:
    return min(1.0, max(0.0, (age - 60) / 10))


def watched(table: Survival, duration: float, poll: Callable[[], float], *, seen: float = 0.0) -> None:
    """One request, known to be unfinished at age `seen`, is polled until a poll finds it finished."""
    while True:
        asked = seen + poll()
        if asked >= duration:
            table.finished(seen, asked)
            return
        table.unfinished(seen, asked)
        seen = asked


def learned(draw: Callable[[Random], float], *, count: int = 4000, memory: float = FOR_EVER) -> Survival:
    random, table = Random(7), Survival(memory)
    for _ in range(count):
        watched(table, draw(random), lambda: random.uniform(1.0, 12.0))
    return table


def distance(table: Survival, truth: Callable[[float], float]) -> float:
    """Kolmogorov's: the largest difference of the two distribution functions."""
    ages = [0.25 * k for k in range(1, 800)]
    return max(abs(1 - exp(-table.integrated(age)) - truth(age)) for age in ages)


def bimodal(age: float) -> float:
    def normal(deviations: float) -> float:
        return 0.5 * (1 + erf(deviations / sqrt(2)))

    return 0.8 * normal((age - 5) / 0.5) + 0.2 * normal((age - 120) / 10)


@pytest.mark.parametrize(
    ("draw", "truth", "bound"),
    [
        (lambda random: random.gauss(5, 0.5) if random.random() < 0.8 else random.gauss(120, 10), bimodal, 0.12),
        (lambda random: random.expovariate(1 / 20), exponential, 0.045),
        (lambda random: random.lognormvariate(log(40), 0.15), lognormal, 0.05),
        (lambda random: random.uniform(60, 70), uniform, 0.15),
    ],
    ids=["bimodal", "exponential", "narrow lognormal", "uniform"],
)
def test_the_distribution_of_durations_is_found_again_from_polls_up_to_12_s_apart(
    draw: Callable[[Random], float], truth: Callable[[float], float], bound: float
) -> None:
    assert distance(learned(draw), truth) < bound


def test_between_two_modes_nothing_is_taken_to_finish() -> None:
    """What is smeared into the gap would be asked for in vain, and missing where it belongs."""
    table = learned(lambda random: random.gauss(5, 0.5) if random.random() < 0.8 else random.gauss(120, 10))
    assert exp(-table.integrated(8.0)) == pytest.approx(0.2, abs=0.02)
    assert exp(-table.integrated(80.0)) == pytest.approx(0.2, abs=0.02)


def test_a_constant_hazard_is_learned_as_one() -> None:
    table = learned(lambda random: random.expovariate(1 / 20))
    assert [table.hazard(age) for age in (5.0, 15.0, 30.0, 45.0)] == pytest.approx([1 / 20] * 4, rel=0.25)


def test_requests_first_seen_at_some_age_tell_nothing_of_younger_ones_nor_bias_them() -> None:
    """Left truncation: only those that had lasted until their discovery are ever seen."""
    random, table = Random(3), Survival(FOR_EVER)
    while table.finishes < 4000:
        duration, seen = random.expovariate(1 / 20), random.uniform(30.0, 60.0)
        if duration > seen:
            watched(table, duration, lambda: random.uniform(1.0, 12.0), seen=seen)
    assert table.hazard(50.0) == pytest.approx(1 / 20, rel=0.15)
    assert table.hazard(80.0) == pytest.approx(1 / 20, rel=0.15)
    assert min(table.state()["from"]) >= BINS.nearest(30.0)


def test_a_new_table_expects_that_what_lasted_some_time_lasts_about_as_long_again() -> None:
    table = Survival()
    for age in (1.0, 60.0, 3600.0):
        assert table.integrated(2 * age) - table.integrated(age) == pytest.approx(log(2) / 2, rel=0.1)


def expected(table: Survival) -> tuple[list[float], list[float]]:
    """Finishes and seconds at risk by bin, as the next step of the EM algorithm takes them."""
    return _expected(table.hazards, table._trials.counts(), BINS.size)


@given(windows)
def test_what_stayed_unfinished_adds_its_seconds_at_risk(window: tuple[float, float]) -> None:
    table = Survival()
    table.unfinished(*window)
    events, exposure = expected(table)
    # Ages are taken to the nearest edges of bins, which lie 2.5 % apart.
    beyond = max(0.0, window[1] - BINS.edges[-2])
    assert sum(exposure) == pytest.approx(window[1] - window[0], abs=0.3 + 0.03 * window[1] + beyond)
    assert sum(events) == 0


@given(st.lists(windows, min_size=1, max_size=30))
def test_every_finish_counts_once_wherever_its_window_lies(finishes: list[tuple[float, float]]) -> None:
    table = Survival(FOR_EVER)
    for one in finishes:
        table.finished(*one)
    counts = table._trials.counts()
    assert sum(expected(table)[0]) == pytest.approx(sum(found for _, _, found, _ in counts), rel=1e-6)
    assert table.finishes == len(finishes)


@given(windows)
def test_a_finish_adds_the_time_at_risk_until_it_is_expected(window: tuple[float, float]) -> None:
    table = Survival()
    until = table.mean(*window) - window[0]
    table.finished(*window)
    beyond = max(0.0, window[1] - BINS.edges[-2])
    assert sum(expected(table)[1]) == pytest.approx(until, abs=0.3 + 0.03 * window[1] + beyond)


@given(windows, st.floats(0.0, 1.0), st.lists(windows, max_size=20))
def test_a_quantile_has_its_part_of_the_window_below_it(
    window: tuple[float, float], level: float, finishes: list[tuple[float, float]]
) -> None:
    table = Survival()
    for one in finishes:
        table.finished(*one)
    lower, upper = window

    def ended(age: float) -> float:
        return -expm1(table.integrated(lower) - table.integrated(age))

    if ended(upper) > 1e-6:
        assert ended(table.quantile(lower, upper, level)) == pytest.approx(
            level * ended(upper), abs=1e-6 * ended(upper)
        )


@given(windows, st.lists(windows, max_size=20))
def test_the_mean_is_that_of_all_quantiles(window: tuple[float, float], finishes: list[tuple[float, float]]) -> None:
    table = Survival()
    for one in finishes:
        table.finished(*one)
    lower, upper = window
    # The last bin has no end, and no middle.
    assume(upper < BINS.edges[-2])
    levels = [(k + 0.5) / 200 for k in range(200)]
    drawn = fmean(table.quantile(lower, upper, level) for level in levels)
    assert table.mean(lower, upper) == pytest.approx(drawn, abs=0.03 * (upper - lower) + 0.05)


@given(windows, st.floats(0.0, 1.0), st.lists(windows, max_size=20))
def test_mean_and_quantiles_of_a_finish_lie_in_its_window(
    window: tuple[float, float], level: float, finishes: list[tuple[float, float]]
) -> None:
    table = Survival()
    for one in finishes:
        table.finished(*one)
    lower, upper = window
    assert lower <= table.mean(lower, upper) <= upper * (1 + 1e-9)
    assert lower <= table.quantile(lower, upper, level) <= upper * (1 + 1e-9)
    assert table.quantile(lower, upper, level / 2) <= table.quantile(lower, upper, level) + 1e-6


def test_a_finish_is_placed_where_most_finish() -> None:
    table = learned(lambda random: random.uniform(60, 70))
    assert table.mean(0.0, 200.0) == pytest.approx(65.0, abs=1.5)
    assert table.quantile(0.0, 200.0, 0.05) > 57
    assert table.quantile(0.0, 200.0, 0.95) < 73


@given(st.lists(windows, max_size=40), st.lists(st.floats(0.0, 1e6), min_size=2, max_size=20))
def test_the_cumulative_hazard_never_falls_and_hazards_are_positive(
    finishes: list[tuple[float, float]], ages: list[float]
) -> None:
    table = Survival()
    for one in finishes:
        table.finished(*one)
    assert all(0 < hazard < inf for hazard in table.hazards)
    assert table.integrated(0.0) == 0
    gathered = [table.integrated(age) for age in sorted(ages)]
    assert all(one <= following + 1e-9 for one, following in pairwise(gathered))


def test_durations_that_change_are_followed_within_the_memory() -> None:
    random, table = Random(5), Survival()
    for mean in (100.0, 5.0):
        for _ in range(2400):
            watched(table, random.expovariate(1 / mean), lambda: random.uniform(0.5, 4.0))
    assert table.quantile(0.0, 400.0, 0.5) == pytest.approx(5.0 * log(2), rel=0.15)


def test_what_was_learned_survives_as_json() -> None:
    table, again = learned(lambda random: random.lognormvariate(log(40), 0.15), memory=600.0), Survival()
    again.restore(json.loads(json.dumps(table.state())))
    assert again.finishes == table.finishes
    assert again.hazards == pytest.approx(table.hazards, rel=1e-3)
    assert again.cumulative == pytest.approx(table.cumulative, rel=1e-3)


numbers = st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.none(), st.booleans())
columns = st.one_of(st.lists(numbers, max_size=4), numbers)
garbage = st.one_of(
    numbers,
    st.dictionaries(st.sampled_from(["finishes", "from", "to", "found", "other", "hazards"]), columns),
    st.fixed_dictionaries(dict.fromkeys(("finishes", "from", "to", "found", "other", "hazards"), columns)),
    st.fixed_dictionaries(
        {
            "finishes": st.just([1.0]),
            "from": st.lists(st.integers(-2, 2), min_size=2, max_size=2),
            "to": st.lists(st.integers(-2, 3), min_size=2, max_size=2),
            "found": st.lists(st.floats(), min_size=2, max_size=2),
            "other": st.lists(st.floats(), min_size=2, max_size=2),
            "hazards": st.lists(st.floats(), min_size=2, max_size=3),
        }
    ),
)


@given(garbage)
def test_a_state_that_is_none_of_ours_is_refused_and_changes_nothing(state: Any) -> None:
    table = Survival()
    before = list(table.hazards)
    refused = True
    with suppress(KeyError, IndexError, TypeError, ValueError):
        table.restore(state)
        refused = False
    if refused:
        assert (table.hazards, table.state()["from"]) == (before, [])
    assert all(0 < hazard < inf for hazard in table.hazards)
    assert isfinite(table.finishes)
