"""Generated workloads."""

from itertools import pairwise
from math import inf
from random import Random

import pytest

from exporter.simulate.trace import parse
from exporter.simulate.workloads import WORKLOADS
from exporter.simulate.workloads.queues import (
    discovered,
    first_in_first_out,
    last_in_first_out,
    outages,
    priorities,
    queue,
    unordered,
)


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_is_a_trace_and_the_same_for_the_same_seed(name: str) -> None:
    trace = WORKLOADS[name].generate(Random(7))

    assert parse((request.line() for request in trace), "t.jsonl") == trace
    assert WORKLOADS[name].generate(Random(7)) == trace
    assert WORKLOADS[name].generate(Random(8)) != trace


def test_one_worker_takes_first_in_first_out_or_last_in_first_out() -> None:
    submitted = [0.0, 0.1, 0.2, 0.3]

    first = queue(Random(1), submitted, lambda *_: 1.0, discipline=first_in_first_out)
    last = queue(Random(1), submitted, lambda *_: 1.0, discipline=last_in_first_out)

    assert [request.finished for request in first] == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert [request.finished for request in last] == pytest.approx([1.0, 4.0, 3.0, 2.0])


def test_workers_take_as_many_at_a_time() -> None:
    trace = queue(Random(1), [0.0] * 5, lambda *_: 2.0, workers=2)

    assert [request.started for request in trace] == [0.0, 0.0, 2.0, 2.0, 4.0]


def test_urgent_requests_go_before_all_others() -> None:
    trace = queue(Random(1), [0.0] * 200, lambda *_: 1.0, discipline=priorities(0.2))

    places = sorted(range(200), key=lambda place: trace[place].started or 0.0)
    falls = sum(later < earlier for earlier, later in pairwise(places))
    assert falls == 1
    assert places != sorted(places)


def test_who_would_end_in_an_outage_ends_after_it() -> None:
    service = outages(lambda *_: 10.0, every=100.0, lasting=20.0)

    assert service(Random(1), 0.0) == 10.0
    assert service(Random(1), 75.0) == 30.0
    assert service(Random(1), 85.0) == 25.0


def test_the_exporter_may_not_know_the_order_nor_the_times() -> None:
    trace = queue(Random(1), [0.0, 0.0, 9.0], lambda *_: 1.0)

    assert not any(request.ordered for request in unordered(trace))
    late = discovered(Random(1), trace, at=5.0)
    assert sorted(request.known_at for request in late) == [5.0, 5.0, 9.0]
    assert not any(request.dated or request.ordered for request in late)


def test_some_requests_never_finish_and_some_are_retried() -> None:
    stuck, retried = WORKLOADS["stuck"].generate(Random(1)), WORKLOADS["d"].generate(Random(1))

    assert 60 < sum(request.finished is None for request in stuck) < 180
    waits = [request.retries for request in retried if request.retries]
    assert 220 < len(waits) < 380
    assert {round(end - start) for wait in waits for start, end in wait[:1]} == {30}
    assert max(request.finished or inf for request in retried) < inf
