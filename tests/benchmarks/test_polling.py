"""The bound and the errors that the benchmark of polling measures with."""

from array import array
from math import log, nan

import pytest

from benchmarks.polling.bound import Checks
from benchmarks.polling.durations import errors
from benchmarks.polling.targets import FAMILY
from exporter.simulate.run import Outcome
from exporter.simulate.trace import Request
from exporter.simulate.workloads import WORKLOADS

EXPONENTIAL = [-20 * log(1 - (k + 0.5) / 20_000) for k in range(20_000)]


@pytest.mark.parametrize("polls", [2.0, 2.5, 5.0])
def test_the_bound_is_the_closed_form_for_exponential_durations(polls: float) -> None:
    """A check every t = -m ln(1 - 1/k) takes k polls and notices k t - m late (m the mean)."""
    least = -20 * polls * log(1 - 1 / polls) - 20

    ((_, found),) = Checks(EXPONENTIAL).frontier([polls])

    assert found == pytest.approx(least, rel=0.01)
    assert Checks(EXPONENTIAL).fewest_polls(least) == pytest.approx(polls, rel=0.02)


def test_certain_durations_take_one_poll() -> None:
    assert Checks([30.0] * 100).fewest_polls(0.0) == pytest.approx(1.0)


def test_errors_compare_what_is_told_with_what_is_true() -> None:
    trace = tuple(Request(submitted=0.0, finished=float(k), known_at=0.0) for k in range(1, 101))
    true = array("d", [float(k) for k in range(1, 101)])
    outcome = Outcome(
        detected=array("d", [2.0 * k for k in range(1, 101)]),
        seen=array("d", [nan] * 100),
        placed=array("d", [1.1 * k for k in range(1, 101)]),
        calls=true,
        max_staleness=0.0,
        cpu_seconds=0.0,
    )

    placed, middle = errors(trace, outcome)

    assert [placed.p50, placed.p99] == pytest.approx([0.1, 0.1])
    assert placed.distance == pytest.approx(0.1, abs=0.02)
    assert middle.distance == middle.p50 == pytest.approx(0.0)


def test_every_workload_has_its_targets() -> None:
    assert set(FAMILY) == set(WORKLOADS)
