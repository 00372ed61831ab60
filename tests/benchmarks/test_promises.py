"""Each effort keeps its promise, of workloads that were not thought of."""

from random import Random

import pytest

from benchmarks.polling.drawn import Drawn, draw
from benchmarks.polling.promises import Kept, by_name, by_seed, kept
from exporter.simulate.trace import Request

# Quick ones: queues of all kinds, modes, bursts, outages, changes of regime, and a budget for less than two polls each.
SEEDS = (3, 7, 8, 16, 17, 26, 29, 30)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_workload_drawn_at_random_is_noticed_as_soon_as_promised(seed: int) -> None:
    assert by_seed(seed).broken() == []


def independent(
    lasting: float, *, polls: float, outage: tuple[float, float] = (0.0, 0.0), requests: int = 600
) -> Drawn:
    """One request in 20 s, exponential durations, nothing finishes during the outage, and so many polls for each."""
    random, trace = Random(1), []
    for number in range(requests):
        submitted = 20.0 * number
        finished = submitted + random.expovariate(1 / lasting)
        finished = outage[1] if outage[0] <= finished < outage[1] else finished
        trace.append(Request(submitted=submitted, finished=finished, known_at=submitted))
    return Drawn("", tuple(trace), 1, 20.0 / polls, 20.0 * requests + 3600.0)


def test_with_budget_for_13_polls_and_200_s_a_finish_is_noticed_within_a_tenth() -> None:
    found = kept("", independent(200.0, polls=13.0), seed=1)
    assert found.delays["normal"] < 20.5
    assert found.delays["low"] < 67.0
    assert found.polls["low"] < found.polls["normal"] < found.polls["high"]


def test_an_outage_in_the_middle_leaves_no_budget_unused() -> None:
    found = kept("", independent(271.0, polls=10.0, outage=(5000.0, 6500.0)), seed=1)
    assert found.broken() == []
    assert found.delays["normal"] < 40.0


def test_at_the_lightest_load_a_finish_takes_few_polls() -> None:
    """Mostly one request is watched, and often it has just finished."""
    found = by_name("light_short")
    assert found.broken() == []
    assert found.polls["normal"] < 3.2


def test_a_promise_is_broken_where_it_is_later_than_promised_and_than_high() -> None:
    found = Kept("", "", 100.0, {"low": 34.0, "normal": 12.0, "high": 10.0}, {"low": 1.0, "normal": 1.0, "high": 9.0})
    assert found.allowed("normal") == 12.5
    assert found.broken() == ["low"]


def test_the_same_seed_draws_the_same_workload() -> None:
    assert draw(1) == draw(1)
    assert len({draw(seed).summary for seed in range(1, 11)}) == 10
