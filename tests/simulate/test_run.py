"""What happens in virtual time."""

from collections import deque
from collections.abc import Sequence
from math import inf, nan
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.breaker import Breaker
from exporter.core.budget import Budget, burst
from exporter.core.ledger import Histogram, Ledger
from exporter.core.request import Report, State, Status, Submission
from exporter.core.schedule import Age, Policy, RoundRobin, Unfinished
from exporter.core.tracker import Rules, Tracker
from exporter.core.vocabulary import Vocabulary
from exporter.core.watch import Rest, StatusCall, Watch
from exporter.simulate.report import Report as Figures
from exporter.simulate.report import busiest, delays, report
from exporter.simulate.run import API, Conditions, Outcome, Run, default_horizon, other_calls
from exporter.simulate.setup import Setup, simulate
from exporter.simulate.trace import Request, Trace
from exporter.simulate.workloads import WORKLOADS

POLICIES = ("learned", "age", "round_robin", "fixed:15s", "oracle")


def a_request(submitted: float, finished: float | None, known_at: float | None = None) -> Request:
    return Request(submitted=submitted, finished=finished, known_at=submitted if known_at is None else known_at)


def a_run(
    trace: Trace, policy: str = "fixed:15s", *, calls: int = 25, horizon: float | None = None, **conditions: Any
) -> Outcome:
    setup = Setup(
        policy=policy,
        calls=calls,
        period=5.0,
        conditions=Conditions(horizon=default_horizon(trace) if horizon is None else horizon, **conditions),
    )
    return simulate(trace, setup)


def figures(trace: Trace, outcome: Outcome, horizon: float | None = None) -> Figures:
    horizon = default_horizon(trace) if horizon is None else horizon
    return report("fixed:15s", trace, outcome, horizon=horizon, period=5.0)


def test_a_request_is_noticed_by_the_first_poll_after_its_end() -> None:
    trace = (a_request(0.0, 20.0),)

    found = figures(trace, outcome := a_run(trace))

    assert list(outcome.calls) == pytest.approx([15.0, 30.0], abs=0.01)
    assert (found.requests, found.finished, found.detected, found.polls) == (1, 1, 1, 2)
    assert found.delay_mean == pytest.approx(10.0, abs=0.01)
    assert found.max_staleness == pytest.approx(15.0, abs=0.01)
    assert found.polls_per_finished == 2.0


def test_the_horizon_is_one_hour_after_the_last_submission() -> None:
    assert default_horizon((a_request(5.0, 9000.0), a_request(1.0, None))) == 3605.0


def test_what_is_not_noticed_counts_up_to_the_horizon() -> None:
    trace = (a_request(0.0, 20.0), a_request(0.0, 29.5), a_request(0.0, 31.0), a_request(0.0, None))

    found = figures(trace, a_run(trace, horizon=29.9), horizon=29.9)

    assert (found.finished, found.detected) == (2, 0)
    assert found.delay_mean == pytest.approx((9.9 + 0.4) / 2)
    assert found.max_staleness == pytest.approx(15.0, abs=0.02)


def test_where_nothing_finished_there_are_no_delays() -> None:
    trace = (a_request(0.0, None),)

    found = figures(trace, a_run(trace, horizon=40.0), horizon=40.0)

    assert (found.finished, found.delay_mean, found.delay_p99, found.polls_per_finished) == (0, None, None, None)
    assert found.polls == 2


def test_a_request_is_polled_only_from_its_discovery_on() -> None:
    trace = (a_request(0.0, 20.0, known_at=100.0),)

    outcome = a_run(trace, "round_robin")

    assert list(outcome.calls) == [100.0]
    assert list(outcome.detected) == [100.0]


def test_the_answer_tells_the_status_of_half_way() -> None:
    trace = (a_request(0.0, 16.0), a_request(0.0, 15.9))

    outcome = a_run(trace, latency=2.0)

    # Both are asked at 15: the vendor answers at 16, and the answers arrive at 17.
    assert list(outcome.detected) == pytest.approx([17.0, 17.0], abs=0.01)
    late = a_run((a_request(0.0, 16.1),), latency=2.0)
    assert list(late.detected) == pytest.approx([34.0], abs=0.01)
    assert list(late.seen) == pytest.approx([15.0], abs=0.01)


class Spy:
    """A Policy that polls one request every ten seconds, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.added: list[Unfinished] = []
        self._due = inf
        self._slots: deque[int] = deque()

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], *, now: float) -> None:
        self.added.extend(requests)
        self._slots.extend(slots)
        self._due = now + 10.0

    def forget(self, slot: int) -> None:
        self.told.append("forget")

    def unfinished(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        self.told.append(f"unfinished {sent:g}{' erring' if erring else ''}")

    def unchanged(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        self.unfinished(slot, sent=sent, now=now, erring=erring)
        self.again(slot, now=now)

    def finished(self, slot: int, *, now: float) -> None:
        self.told.append(f"finished {now:g}")

    def again(self, slot: int, *, now: float, not_before: float = 0.0) -> None:
        self._slots.append(slot)
        self._due = now + 10.0

    def next(self, now: float) -> int | None:
        self._due = inf
        return self._slots.popleft()

    def due(self) -> float | None:
        return self._due if self._slots else None

    def place(self, slot: int, lower: float, upper: float) -> float:
        self.told.append(f"place {lower:g} {upper:g}")
        return lower

    def blocked(self, until: float) -> None:
        self.told.append(f"blocked {until:g}")


def spied(request: Request, *, horizon: float = 1000.0, error_grace: float = 36_000.0, calls: int = 25) -> Spy:
    spy, budget = Spy(), Budget([burst(calls=calls, seconds=5.0)])
    conditions = Conditions(horizon=horizon, error_grace=error_grace)
    Run((request,), cast(Policy, spy), budget, conditions, Random(1)).outcome()
    return spy


def test_a_poll_in_a_wait_for_a_retry_shows_an_error() -> None:
    request = Request(submitted=0.0, finished=45.0, retries=((15.0, 30.0),), known_at=0.0)

    assert spied(request).told == [
        "unfinished 10",
        "unfinished 20 erring",
        "unfinished 30",
        "unfinished 40",
        "place 40 50",
        "finished 50",
    ]


def test_a_final_error_looks_like_one_before_a_retry_until_the_grace_is_over() -> None:
    request = Request(submitted=0.0, finished=15.0, status=Status.ERROR, known_at=0.0)

    assert spied(request, error_grace=25.0).told == [
        "unfinished 10",
        "unfinished 20 erring",
        "unfinished 30 erring",
        "unfinished 40 erring",
        "forget",
    ]


def test_the_policy_is_told_order_and_submission_only_where_the_exporter_knows_them() -> None:
    known = spied(Request(submitted=3.0, finished=5.0, known_at=8.0)).added
    unknown = spied(Request(submitted=3.0, finished=5.0, known_at=8.0, ordered=False, dated=False)).added

    assert known == [Unfinished(api=API, origin=3.0, order=0)]
    assert unknown == [Unfinished(api=API, origin=8.0, dated=False)]


def test_other_clients_calls_take_the_budget_and_are_not_counted_as_ours() -> None:
    trace = tuple(a_request(0.0, None) for _ in range(100))
    others = tuple(other_calls(3.0, start=0.0, end=600.0, random=Random(1)))

    alone, beside = (
        a_run(trace, "round_robin", horizon=600.0),
        a_run(trace, "round_robin", horizon=600.0, others=others),
    )

    assert len(others) == pytest.approx(1800, rel=0.1)
    assert len(alone.calls) == pytest.approx(3000, rel=0.01)
    # Theirs do not wait for a place, so that some come on top.
    assert 3000 - len(others) <= len(beside.calls) <= 1.2 * (3000 - len(others))


def test_the_margin_of_the_budget_costs_next_to_nothing() -> None:
    trace = tuple(a_request(0.0, None) for _ in range(100))

    calls = a_run(trace, "round_robin", horizon=5000.0).calls

    assert len(calls) >= 0.997 * 5000
    assert busiest(calls, 5.0) == 25


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    policy=st.sampled_from(POLICIES),
    calls=st.integers(1, 30),
    latency=st.sampled_from((0.0, 0.3, 4.0)),
    jitter=st.sampled_from((0.0, 1.0)),
    others=st.sampled_from((0.0, 2.0)),
)
def test_nothing_is_counted_twice_or_lost_and_the_budget_holds_whatever_happens(
    seed: int, policy: str, calls: int, latency: float, jitter: float, others: float
) -> None:
    random = Random(seed)
    trace = some_trace(random)
    horizon = random.choice((60.0, 300.0))
    times = tuple(other_calls(others, start=0.0, end=horizon, random=random))

    outcome = a_run(trace, policy, calls=calls, horizon=horizon, latency=latency, jitter=jitter, others=times)

    assert busiest(outcome.calls, 5.0) <= calls
    assert list(outcome.calls) == sorted(outcome.calls)
    assert all(call <= horizon for call in outcome.calls)
    found = figures(trace, outcome, horizon)
    assert found.detected <= found.finished <= found.requests == len(trace)
    assert all(delay >= 0 for delay in delays(trace, outcome, horizon=horizon))
    for request, detected, seen in zip(trace, outcome.detected, outcome.seen, strict=True):
        if detected == detected:
            assert request.finished is not None
            assert max(request.finished, request.known_at) <= detected <= horizon
            # A final ERROR shows the end too, and is asked about again while it may be one before a retry.
            assert not seen > detected or request.status is Status.ERROR


def some_trace(random: Random) -> Trace:
    requests = []
    now = 0.0
    for _ in range(random.randint(1, 120)):
        now += random.choice((0.0, random.expovariate(2.0)))
        finished = None if random.random() < 0.05 else now + random.expovariate(1 / 20)
        failed = finished is not None and random.random() < 0.1
        retries = ((now, (now + (finished or 0.0)) / 2),) if failed else ()
        known_at = now + random.choice((0.0, 0.0, random.expovariate(0.1)))
        requests.append(
            Request(
                submitted=now,
                started=None if finished is None else now,
                finished=finished,
                status=random.choice((Status.SUCCESS, Status.SUCCESS, Status.ERROR)),
                retries=retries,
                known_at=known_at,
                ordered=random.random() < 0.8,
                dated=random.random() < 0.9,
            )
        )
    return tuple(requests)


def test_the_same_seed_gives_the_same_run() -> None:
    trace = WORKLOADS["bimodal"].generate(Random(1))[:500]

    first, second = (a_run(trace, "learned", jitter=0.2) for _ in range(2))

    assert list(first.calls) == list(second.calls)


def watched(trace: Sequence[Request], policy: Policy, *, calls: int, horizon: float) -> list[float]:
    """When the exporter's own Watch, with tracker and breaker, notices each request."""
    ledger = Ledger(dict.fromkeys(Histogram, (1.0,)))
    rules = Rules(stuck_after=1e9, give_up_after=1e9, error_grace=36_000.0, not_found_attempts=5, last_look=1e9)
    tracker = Tracker("acme", rules, ledger=ledger, reasons=Vocabulary(20), steps=Vocabulary(20), now=0.0)
    watch = Watch(
        tracker=tracker,
        policy=policy,
        budget=Budget([burst(calls=calls, seconds=5.0)]),
        breaker=Breaker(period=5.0, random=Random(1)),
        apis=frozenset({API}),
        queue_apis=(),
        queue_interval=60.0,
    )
    detected = [nan] * len(trace)
    now, known = 0.0, 0
    while now <= horizon:
        while known < len(trace) and trace[known].known_at <= now:
            one = Submission(
                request_id=str(known),
                account="acme",
                api=API,
                source="push",
                submitted=trace[known].submitted,
                first_seen=now,
            )
            watch.admit((one,), (known,), now)
            known += 1
        todo = watch.next(now)
        if isinstance(todo, Rest):
            now = min(todo.until, trace[known].known_at if known < len(trace) else inf)
        else:
            assert isinstance(todo, StatusCall)
            answer(watch, todo, trace, detected, now)
    return detected


def answer(watch: Watch, call: StatusCall, trace: Sequence[Request], detected: list[float], now: float) -> None:
    place = int(call.request_id)
    finished = trace[place].finished
    over = finished is not None and finished <= now
    shown = Status.SUCCESS if over else Status.ERROR if trace[place].waiting_at(now) else Status.IN_QUEUE
    change = watch.answered(call, Report(status=shown, current_step="none", last_step="none"), now=now)
    assert change is not None
    watch.applied(change, now=now)
    if change.record.state is State.FINISHED:
        detected[place] = now


@pytest.mark.parametrize("name", ["a", "d", "c2"])
def test_the_exporters_own_watch_notices_as_soon(name: str) -> None:
    trace = WORKLOADS[name].generate(Random(3))[:600]
    horizon, epoch = default_horizon(trace), trace[0].submitted

    for policy, rival in (("round_robin", RoundRobin(epoch)), ("age", Age(epoch, max_staleness=1800.0))):
        simulated = a_run(trace, policy, horizon=horizon)
        detected = watched(trace, rival, calls=25, horizon=horizon)

        # What is due in the same 1/256 s goes by its slot, and the table gives those of ended requests to new ones.
        late = [at - (one.finished or nan) for at, one in zip(detected, trace, strict=True) if at == at]
        assert len(late) == sum(at == at for at in simulated.detected)
        assert sum(late) == pytest.approx(sum(delays(trace, simulated, horizon=horizon)), rel=0.02)
