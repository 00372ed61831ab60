"""How far a queue has come that works in the order of submission."""

import json
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import exp, inf, isfinite, log, nan
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.learned.frontier import WIDTHS, Filter, Frontier, _finished, _unfinished, below, gathered, slope

places = st.floats(-4.5, 4.5)
gaps = st.one_of(st.none(), st.floats(0.2, 8.0))
Likelihood = Callable[[float, float | None], tuple[float, float, float]]


@pytest.mark.parametrize("likelihood", [_finished, _unfinished])
@given(places, gaps)
def test_the_derivatives_of_an_answer_are_those_of_its_log_probability(
    likelihood: Likelihood, z: float, gap: float | None
) -> None:
    step = 1e-4

    def log_probability(shift: float) -> float:
        return log(likelihood(z + shift, None if gap is None else z + shift - gap)[0])

    _, gradient, curvature = likelihood(z, None if gap is None else z - gap)
    lower, middle, upper = (log_probability(shift) for shift in (-step, 0.0, step))
    assert gradient == pytest.approx((upper - lower) / 2 / step, rel=1e-3, abs=1e-4)
    assert curvature == pytest.approx(-(upper - 2 * middle + lower) / step**2, rel=1e-2, abs=1e-3)


@given(places, gaps)
def test_the_two_answers_exclude_each_other(z: float, gap: float | None) -> None:
    before = None if gap is None else z - gap
    seen_unfinished = 1.0 if before is None else 1 - below(before)
    finished = _finished(z, before)[0] / seen_unfinished
    assert finished + _unfinished(z, before)[0] == pytest.approx(1.0, abs=1e-6)


def test_the_cumulative_hazard_grows_with_its_slope_also_where_it_is_approximated() -> None:
    for z in (-8.0, -2.0, 0.0, 3.0, 5.9, 6.1, 9.0, 40.0):
        assert slope(z) == pytest.approx((gathered(z + 1e-5) - gathered(z - 1e-5)) / 2e-5, rel=2e-3, abs=1e-8)
    assert gathered(6.0 - 1e-9) == pytest.approx(gathered(6.0 + 1e-9), rel=1e-3)
    assert slope(6.0 - 1e-9) == pytest.approx(slope(6.0 + 1e-9), rel=1e-2)


def follow(
    frontier: Frontier,
    finish: Callable[[int], float],
    *,
    times: range,
    pick: Callable[[float], int],
    step: float = 0.2,
) -> None:
    """Poll one request a step; `finish` tells when each finishes, `pick` whom to ask."""
    asked: dict[int, float] = {}
    for number in times:
        now = number * step
        order = pick(now)
        since = now - asked[order] if order in asked else None
        finished = finish(order) <= now
        frontier.learn(order, now, finished=finished, since=since)
        if not finished:
            asked[order] = now


def position(frontier: Frontier, now: float) -> float:
    """The order number that the frontier has reached, as it believes."""
    best = frontier.best
    return best.position + best.speed * (now - best.at)


@pytest.mark.parametrize("speed", [0.5, 3.0, 10.0])
def test_a_queue_is_followed_within_a_few_requests(speed: float) -> None:
    frontier = Frontier(0, 0.0)
    frontier.submitted(10_000)
    follow(
        frontier,
        lambda order: order / speed,
        times=range(1, 200),
        pick=lambda now: max(0, int(position(frontier, now))),
    )
    assert position(frontier, 40.0) == pytest.approx(40.0 * speed, abs=4 + speed)
    assert frontier.best.speed == pytest.approx(speed, rel=0.3, abs=0.2)


def test_a_request_that_the_queue_has_passed_is_far_more_likely_to_have_finished() -> None:
    frontier = Frontier(0, 0.0)
    frontier.submitted(10_000)
    follow(frontier, lambda order: order / 3, times=range(1, 200), pick=lambda now: int(position(frontier, now)))
    passed, ahead = (frontier.hazard(order, 40.0, since=None)[0] for order in (80, 160))
    assert exp(-passed) < 0.05
    assert exp(-ahead) > 0.95


@pytest.mark.parametrize("disorder", [1.0, 10.0, 60.0])
def test_the_width_that_fits_the_disorder_is_found(disorder: float) -> None:
    random, frontier = Random(2), Frontier(0, 0.0)
    frontier.submitted(100_000)
    finishes = [(order + random.gauss(0, disorder)) / 5 for order in range(6000)]
    follow(
        frontier,
        lambda order: finishes[order],
        times=range(1, 3000),
        pick=lambda now: max(0, int(5 * now + random.gauss(0, 1.5 * disorder))),
    )
    assert disorder / 3 <= frontier.best.width <= 3 * disorder


@pytest.mark.parametrize("jump", [300, 5000])
def test_a_queue_that_jumped_is_found_again(jump: int) -> None:
    random, frontier = Random(3), Frontier(0, 0.0)
    frontier.submitted(20_000)

    def finish(order: int) -> float:
        return order / 3 if order < 300 else max(100.0, (order - jump) / 3)

    follow(frontier, finish, times=range(1, 500), pick=lambda now: int(position(frontier, now)))

    def pick(now: float) -> int:
        return random.randrange(20_000) if random.random() < 0.3 else max(0, int(position(frontier, now)))

    follow(frontier, finish, times=range(500, 1500), pick=pick)
    assert position(frontier, 300.0) == pytest.approx(3 * 300 + jump, rel=0.05)


answers = st.tuples(
    st.integers(0, 2000), st.floats(0.0, 500.0), st.booleans(), st.one_of(st.none(), st.floats(0.0, 600.0))
)


@given(st.lists(answers, max_size=60), st.integers(0, 3000))
def test_no_answer_makes_a_variance_negative_or_passes_what_lies_beyond_the_newest(
    answered: list[tuple[int, float, bool, float | None]], newest: int
) -> None:
    frontier, now = Frontier(0, 0.0), 0.0
    frontier.submitted(newest)
    for order, elapsed, finished, since in answered:
        now += elapsed
        frontier.learn(order, now, finished=finished, since=since)
        for one in frontier.filters:
            assert one.var > 0
            assert one.var_speed > 0
            assert 0 < one.speed < inf
            assert one.spread(now + 1000.0) >= one.width
        assert frontier.place(newest, now + 1000.0) * frontier.best.spread(now + 1000.0) <= 1 + 1e-6


@given(st.lists(answers, max_size=30), st.integers(0, 2000), st.one_of(st.none(), st.floats(0.1, 600.0)))
def test_hazards_and_delays_are_sound_whatever_was_answered(
    answered: list[tuple[int, float, bool, float | None]], order: int, since: float | None
) -> None:
    frontier, now = Frontier(0, 0.0), 0.0
    frontier.submitted(2000)
    for number, elapsed, finished, ago in answered:
        now += elapsed
        frontier.learn(number, now, finished=finished, since=ago)
    total, hazard = frontier.hazard(order, now, since=since)
    assert 0 <= total < inf
    assert 0 <= hazard < inf
    delay = frontier.delay(order, now, since=since)
    assert isfinite(delay)
    assert delay >= 0


def test_the_hazard_gathered_is_what_the_hazard_adds_up_to() -> None:
    frontier = Frontier(0, 0.0)
    frontier.submitted(10_000)
    follow(frontier, lambda order: order / 3, times=range(1, 200), pick=lambda now: int(position(frontier, now)))
    for order in (100, 120, 140):
        total, hazard = frontier.hazard(order, 40.0, since=0.001)
        assert total == pytest.approx(0.001 * hazard, rel=1e-2)


@pytest.mark.parametrize(("ahead", "since"), [(6, None), (6, 1.0), (-2, 4.0), (20, 30.0)])
def test_the_delay_of_a_finish_is_the_mean_time_since_the_queue_passed_it(ahead: int, since: float | None) -> None:
    frontier = Frontier(0, 0.0)
    frontier.submitted(10_000)
    follow(frontier, lambda order: order / 3, times=range(1, 200), pick=lambda now: int(position(frontier, now)))
    order = int(position(frontier, 40.0)) - ahead
    place, pace = frontier.place(order, 40.0), frontier.pace(40.0)
    random = Random(1)
    draws = [(place - random.gauss(0, 1)) / pace for _ in range(400_000 if ahead < 0 else 40_000)]
    held = [delay for delay in draws if 0 <= delay <= (inf if since is None else since)]
    assert frontier.delay(order, 40.0, since=since) == pytest.approx(sum(held) / len(held), rel=0.06)


@pytest.mark.parametrize(("ahead", "since"), [(6, None), (6, 1.0), (-2, 4.0), (20, 30.0), (-500, 9.0), (500, 9.0)])
def test_the_quantiles_of_a_finish_lie_in_its_window_and_have_its_mean(ahead: int, since: float | None) -> None:
    frontier = Frontier(0, 0.0)
    frontier.submitted(10_000)
    follow(frontier, lambda order: order / 3, times=range(1, 200), pick=lambda now: int(position(frontier, now)))
    order = int(position(frontier, 40.0)) - ahead
    drawn = [frontier.quantile(order, 40.0, since=since, level=(k + 0.5) / 200) for k in range(200)]
    assert drawn == sorted(drawn, reverse=True)
    assert all(0 <= one <= (since or inf) + 1e-6 for one in drawn)
    assert sum(drawn) / 200 == pytest.approx(frontier.delay(order, 40.0, since=since), rel=0.05)


def test_a_speed_measured_elsewhere_is_believed_the_more_the_more_exact_it_is() -> None:
    speeds = []
    for deviation in (100.0, 5.0, 0.1):
        frontier = Frontier(0, 0.0)
        frontier.submitted(10_000)
        frontier.pull(30.0, deviation, 60.0)
        speeds.append(frontier.best.speed)
    assert speeds == sorted(speeds)
    assert speeds[0] == pytest.approx(1.0, abs=0.1)
    assert speeds[-1] == pytest.approx(30.0, abs=1.0)


def test_a_measured_speed_takes_uncertainty_away() -> None:
    one = Filter(4.0, 0.0, 0.0)
    one.advance(10.0, inf)
    before = one.var, one.var_speed
    one.pull(3.0, 0.5)
    assert one.var < before[0]
    assert one.var_speed < before[1]
    assert one.speed == pytest.approx(3.0, abs=0.6)


def test_there_is_a_width_for_every_disorder_between_half_a_request_and_160() -> None:
    assert all(wide / narrow <= 3.01 for narrow, wide in pairwise(WIDTHS))


@given(st.lists(answers, min_size=1, max_size=30), st.floats(0.0, 100.0), st.integers(0, 2000))
def test_an_answer_about_a_time_before_the_last_one_is_taken_as_it_comes(
    answered: list[tuple[int, float, bool, float | None]], late: float, order: int
) -> None:
    frontier, now = Frontier(0, 0.0), 0.0
    frontier.submitted(2000)
    for number, elapsed, finished, ago in answered:
        now += elapsed
        frontier.learn(number, now, finished=finished, since=ago)
        total, hazard = frontier.hazard(order, now - late, since=ago)
        assert total >= 0
        assert hazard >= 0
        frontier.learn(order, now - late, finished=finished, since=ago)
        assert frontier.delay(order, now - late, since=ago) >= 0


def test_how_fast_and_how_disorderly_a_queue_is_outlives_a_restart() -> None:
    random, frontier, again = Random(2), Frontier(0, 0.0), Frontier(500, 0.0)
    frontier.submitted(100_000)
    finishes = [(order + random.gauss(0, 10)) / 5 for order in range(6000)]
    pick = partial(_near, random)
    follow(frontier, lambda order: finishes[order], times=range(1, 2000), pick=pick)
    again.restore(json.loads(json.dumps(frontier.state())))
    assert again.best.width == frontier.best.width
    assert again.best.speed == pytest.approx(frontier.best.speed)


def _near(random: Random, now: float) -> int:
    return max(0, int(5 * now + random.gauss(0, 15)))


@pytest.mark.parametrize(
    "state",
    [
        {},
        None,
        {"speed": [], "evidence": [0.0] * 7},
        {"speed": [1.0], "evidence": [0.0] * 6},
        {"speed": [nan], "evidence": [0.0] * 7},
        {"speed": [-1.0], "evidence": [0.0] * 7},
        {"speed": [1.0], "evidence": [nan] * 7},
        {"speed": ["fast"], "evidence": [0.0] * 7},
    ],
)
def test_a_state_that_is_none_of_ours_is_refused_and_changes_nothing(state: Any) -> None:
    frontier = Frontier(0, 0.0)
    before = frontier.state()
    with pytest.raises((KeyError, IndexError, TypeError, ValueError)):
        frontier.restore(state)
    assert frontier.state() == before
