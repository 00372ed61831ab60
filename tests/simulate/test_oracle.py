"""Policies that know the workload."""

from math import exp, inf, log
from random import Random

import pytest

from exporter.simulate.oracle.candidates import candidates
from exporter.simulate.oracle.durations import regimes
from exporter.simulate.oracle.hazard import Hazard
from exporter.simulate.report import delays
from exporter.simulate.run import Conditions, default_horizon
from exporter.simulate.setup import Setup, oracle, simulate
from exporter.simulate.trace import Request, Trace
from exporter.simulate.workloads import WORKLOADS


def mean_delay(trace: Trace, policy: str) -> float:
    horizon = default_horizon(trace)
    outcome = simulate(trace, Setup(policy=policy, calls=25, period=5.0, conditions=Conditions(horizon=horizon)))
    found = delays(trace, outcome, horizon=horizon)
    return sum(found) / len(found)


def test_the_hazard_of_exponential_durations_is_constant() -> None:
    hazard = Hazard([-20 * log(1 - (k + 0.5) / 6000) for k in range(6000)])

    assert [hazard.hazard(age) for age in (1.0, 10.0, 40.0)] == pytest.approx([0.05] * 3, rel=0.02)
    assert [hazard.integrated(age) for age in (10.0, 40.0)] == pytest.approx([0.5, 2.0], rel=0.02)


def test_nothing_happens_before_the_first_finish_nor_between_two_modes() -> None:
    hazard = Hazard([5 + k / 1000 for k in range(1000)] + [100 + k / 1000 for k in range(1000)])

    assert hazard.integrated(4.9) == pytest.approx(0.0, abs=0.002)
    assert hazard.hazard(50.0) == pytest.approx(0.0, abs=1e-4)
    assert exp(-hazard.integrated(90.0)) == pytest.approx(0.5, rel=0.02)


def test_who_never_finishes_and_who_waits_for_a_retry_counts_as_at_risk_and_as_not() -> None:
    plain = Hazard([10.0 + k / 100 for k in range(100)])
    beside_stuck = Hazard([10.0 + k / 100 for k in range(100)], unfinished=[1000.0] * 100)
    with_waits = Hazard([10.0 + k / 100 for k in range(100)], excluded=[(10.0, 10.2)] * 50)

    assert beside_stuck.hazard(10.1) < plain.hazard(10.1) < with_waits.hazard(10.1)
    assert beside_stuck.hazard(500.0) < 1e-5


def test_a_change_of_the_durations_is_found_and_no_other() -> None:
    changing, steady = WORKLOADS["f"].generate(Random(1)), WORKLOADS["a"].generate(Random(1))

    starts = [start for start, _ in regimes(changing, inf)]

    assert starts[0] == 0
    assert [changing[start].submitted for start in starts[1:]] == pytest.approx([1500.0], abs=40.0)
    assert [start for start, _ in regimes(steady, inf)] == [0]


@pytest.mark.parametrize(("name", "expected"), [("a", 5.78), ("b2", 2.47), ("fixed", 1.2)])
def test_knowing_the_durations_is_worth_what_theory_says(name: str, expected: float) -> None:
    assert mean_delay(WORKLOADS[name].generate(Random(1)), "oracle") == pytest.approx(expected, rel=0.1)


def test_a_request_that_shows_an_error_is_polled_when_its_wait_is_over() -> None:
    trace = WORKLOADS["d"].generate(Random(1))[:3000]

    assert mean_delay(trace, "oracle") < 0.6 * mean_delay(trace, "round_robin")


def test_in_a_queue_the_order_is_known_and_elsewhere_there_is_none() -> None:
    queue, alone = WORKLOADS["c2"].generate(Random(1))[:1500], WORKLOADS["a"].generate(Random(1))[:500]
    setup = Setup(policy="oracle", calls=25, period=5.0, conditions=Conditions(horizon=default_horizon(queue)))

    assert oracle(queue, setup)[0] == "order, 1 at a time"
    assert [knows for knows, _ in candidates(alone, inf)] == ["durations"]


def test_last_in_first_out_is_an_order_too() -> None:
    trace = WORKLOADS["lifo"].generate(Random(1))[:1000]

    assert mean_delay(trace, "oracle") < 1.0


def test_a_trace_without_starts_or_finishes_has_an_oracle() -> None:
    trace = tuple(Request(submitted=time, finished=None, known_at=time) for time in (0.0, 1.0))

    assert [knows for knows, _ in candidates(trace, 100.0)] == ["durations"]
    outcome = simulate(trace, Setup(policy="oracle", calls=25, period=5.0, conditions=Conditions(horizon=100.0)))
    assert all(at != at for at in outcome.detected)
