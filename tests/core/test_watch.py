"""What one account does next."""

from itertools import pairwise
from math import inf
from random import Random

import pytest

from exporter.core.breaker import Breaker
from exporter.core.budget import LOST_CALL_SECONDS, MARGIN, Budget, burst
from exporter.core.ledger import Histogram, Ledger
from exporter.core.request import Report, Status, Submission
from exporter.core.schedule import RoundRobin
from exporter.core.tracker import Rules, Tracker
from exporter.core.vocabulary import Vocabulary
from exporter.core.watch import QueueCall, QueueFigures, Reason, Rest, StatusCall, Watch
from exporter.errors import (
    CallError,
    CallTimeout,
    ConnectionFailed,
    Forbidden,
    InvalidResponse,
    NotFound,
    RateLimited,
    Unauthorized,
)

RULES = Rules(stuck_after=1800.0, give_up_after=86400.0, error_grace=36000.0, not_found_attempts=5, last_look=1800.0)
QUEUED = Report(status=Status.IN_QUEUE, current_step="none", last_step="none")
DONE = Report(status=Status.SUCCESS, current_step="none", last_step="none")


def a_watch(*, requests: int = 3, calls: int = 10, queue: tuple[str, ...] = ()) -> Watch:
    ledger = Ledger(dict.fromkeys(Histogram, (1.0,)))
    tracker = Tracker("acme", RULES, ledger=ledger, reasons=Vocabulary(20), steps=Vocabulary(20), now=0.0)
    watch = Watch(
        tracker=tracker,
        policy=RoundRobin(0.0),
        budget=Budget([burst(calls=calls, seconds=5.0)]),
        breaker=Breaker(period=5.0, random=Random(1)),
        apis=frozenset({"lead_update"}),
        queue_apis=queue,
        queue_interval=60.0,
    )
    submissions = [
        Submission(
            request_id=f"r{number}", account="acme", api="lead_update", source="push", submitted=0.0, first_seen=0.0
        )
        for number in range(requests)
    ]
    if requests:
        watch.admit(submissions, range(1, requests + 1), 0.0)
    return watch


def a_call(watch: Watch, now: float) -> StatusCall:
    call = watch.next(now)
    assert isinstance(call, StatusCall)
    return call


def settle(watch: Watch, call: StatusCall, report: Report, now: float) -> None:
    change = watch.answered(call, report, now=now)
    assert change is not None
    watch.applied(change, now=now)


def test_the_first_call_goes_alone_and_the_others_follow_its_answer() -> None:
    watch = a_watch()
    first = a_call(watch, 0.0)
    assert watch.next(0.0) == Rest(inf, Reason.TROUBLE)
    settle(watch, first, QUEUED, 0.1)
    assert {a_call(watch, 0.1).request_id, a_call(watch, 0.1).request_id} == {"r1", "r2"}
    assert watch.next(0.1) == Rest(1.09765625, Reason.IDLE)


def test_when_the_budget_is_spent_the_wait_is_counted() -> None:
    watch = a_watch(calls=1)
    settle(watch, a_call(watch, 0.0), QUEUED, 0.5)
    assert watch.next(0.5) == Rest(5.5 + MARGIN, Reason.BUDGET)
    a_call(watch, 6.0)
    assert watch.waited == pytest.approx(5.5)


def test_an_answer_that_shows_nothing_new_does_at_once_what_a_decision_would() -> None:
    quick, careful = a_watch(requests=1), a_watch(requests=1)
    for watch in (quick, careful):
        settle(watch, a_call(watch, 0.0), QUEUED, 1.0)
    assert quick.confirmed(a_call(quick, 2.0), QUEUED, now=3.0)
    settle(careful, a_call(careful, 2.0), QUEUED, 3.0)
    assert quick.tracker.table.record(0) == careful.tracker.table.record(0)
    assert quick.next(3.5) == careful.next(3.5)
    assert quick.tracker.staleness("lead_update", 5.0) == careful.tracker.staleness("lead_update", 5.0) == 2.0
    assert quick.budget.windows[0].used(3.5) == careful.budget.windows[0].used(3.5) == 2


@pytest.mark.parametrize("news", [DONE, QUEUED._replace(last_step="parsed"), QUEUED._replace(status=Status.ERROR)])
def test_an_answer_with_news_is_not_taken_over_before_it_is_durable(news: Report) -> None:
    watch = a_watch(requests=1)
    settle(watch, a_call(watch, 0.0), QUEUED, 1.0)
    call, before = a_call(watch, 2.0), watch.tracker.table.record(0)
    assert not watch.confirmed(call, news, now=3.0)
    assert watch.tracker.table.record(0) == before
    assert watch.answered(call, news, now=3.0) is not None


def test_an_error_that_goes_on_is_decided_on_each_time_because_its_grace_may_be_over() -> None:
    watch, error = a_watch(requests=1), QUEUED._replace(status=Status.ERROR)
    settle(watch, a_call(watch, 0.0), error, 1.0)
    assert not watch.confirmed(a_call(watch, 2.0), error, now=3.0)


def test_a_request_that_was_removed_meanwhile_is_not_confirmed() -> None:
    watch = a_watch(requests=1)
    settle(watch, a_call(watch, 0.0), QUEUED, 1.0)
    call = a_call(watch, 2.0)
    removal = watch.remove("r0", now=2.5)
    assert removal is not None
    watch.tracker.settle(removal)
    assert not watch.confirmed(call, QUEUED, now=3.0)


def test_the_wait_for_the_budget_counts_while_it_lasts_and_ends_with_its_request() -> None:
    watch = a_watch(requests=2, calls=1)
    settle(watch, a_call(watch, 0.0), DONE, 0.5)
    watch.next(0.5)
    watch.next(1.5)
    assert watch.waited == pytest.approx(1.0)
    removal = watch.remove("r1", now=2.0)
    assert removal is not None
    watch.applied(removal, now=2.0)
    watch.next(2.0)
    watch.next(3600.0)
    assert watch.waited == pytest.approx(1.5)


def test_a_finished_request_is_not_polled_again() -> None:
    watch = a_watch(requests=1)
    settle(watch, a_call(watch, 0.0), DONE, 0.1)
    assert watch.next(100.0) == Rest(inf, Reason.IDLE)


def test_a_change_that_is_not_durable_yet_keeps_its_request_from_being_polled() -> None:
    watch = a_watch(requests=1)
    change = watch.answered(a_call(watch, 0.0), DONE, now=0.1)
    assert change is not None
    watch.tracker.settle(change)
    assert watch.next(100.0) == Rest(inf, Reason.IDLE)
    assert watch.remove("r0", now=100.0) is None


def test_an_answer_to_a_request_removed_meanwhile_changes_nothing() -> None:
    watch = a_watch(requests=1)
    call = a_call(watch, 0.0)
    removal = watch.remove("r0", now=0.05)
    assert removal is not None
    watch.applied(removal, now=0.06)
    assert watch.answered(call, DONE, now=0.1) is None


def test_an_answer_is_not_taken_for_another_request_that_got_the_same_slot() -> None:
    watch = a_watch(requests=1)
    call = a_call(watch, 0.0)
    removal = watch.remove("r0", now=0.05)
    assert removal is not None
    watch.applied(removal, now=0.06)
    new = Submission(
        request_id="new", account="acme", api="lead_update", source="push", submitted=None, first_seen=0.07
    )
    watch.admit((new,), (9,), 0.07)
    assert watch.tracker.table.slot("new") == call.slot
    assert watch.answered(call, DONE, now=0.1) is None
    assert len(watch.tracker) == 1


def test_a_timed_out_call_occupies_the_budget_until_it_can_no_longer_arrive() -> None:
    watch = a_watch(calls=1)
    watch.failed(a_call(watch, 0.0), CallTimeout(), now=10.0)
    assert watch.budget.free_at(20.0) == pytest.approx(10.0 + LOST_CALL_SECONDS + 5.0 + MARGIN)


def test_a_call_that_was_never_sent_is_over_at_once() -> None:
    watch = a_watch(calls=1)
    watch.failed(a_call(watch, 0.0), ConnectionFailed("refused", sent=False), now=0.1)
    assert watch.budget.free_at(1.0) == pytest.approx(5.1 + MARGIN)


def test_a_bad_key_stops_polls_and_queue_metrics_but_for_one_probe_a_minute() -> None:
    watch = a_watch(queue=("lead_update",))
    watch.failed(a_call(watch, 0.0), Unauthorized(), now=0.1)
    assert watch.next(0.2) == Rest(60.1, Reason.TROUBLE)
    probe = a_call(watch, 60.2)
    assert watch.next(60.2) == Rest(inf, Reason.TROUBLE)
    watch.failed(probe, Unauthorized(), now=60.3)
    assert watch.next(61.0) == Rest(120.3, Reason.TROUBLE)
    settle(watch, a_call(watch, 121.0), QUEUED, 121.1)
    assert isinstance(watch.next(121.2), QueueCall)


def a_queue_call(watch: Watch, now: float) -> QueueCall:
    call = watch.next(now)
    assert isinstance(call, QueueCall)
    return call


FIGURES = QueueFigures(pending=1.0, max_delay=None, per_second=None)


@pytest.mark.parametrize("refusal", [Unauthorized(), Forbidden(), NotFound()])
def test_a_metrics_path_that_is_refused_while_the_key_works_only_slows_itself(refusal: CallError) -> None:
    watch = a_watch(queue=("lead_update",))
    settle(watch, a_call(watch, 0.0), QUEUED, 0.1)
    watch.failed(a_queue_call(watch, 0.2), refusal, now=0.3)
    assert watch.queue["lead_update"] is None
    assert isinstance(watch.next(61.2), StatusCall)
    assert watch.breaker.up is True


@pytest.mark.parametrize("refusal", [Unauthorized(), Forbidden()])
def test_a_refusal_by_a_metrics_path_that_has_answered_before_is_about_the_key(refusal: CallError) -> None:
    watch = a_watch(requests=0, queue=("lead_update",))
    watch.queue_answered(a_queue_call(watch, 0.2), FIGURES, now=0.3)
    assert (watch.queue["lead_update"], watch.breaker.up) == (FIGURES, True)
    watch.failed(a_queue_call(watch, 61.0), refusal, now=61.1)
    assert (watch.queue["lead_update"], watch.breaker.up) == (None, False)


def test_a_key_that_works_again_is_noticed_in_a_minute_by_queue_metrics_alone() -> None:
    watch, now = a_watch(requests=0, queue=("lead_update",)), 0.0
    for _ in range(20):
        watch.failed(a_queue_call(watch, now), Unauthorized(), now=now)
        now += 60.1
    watch.queue_answered(a_queue_call(watch, now), FIGURES, now=now)
    assert watch.breaker.up is True


def test_a_request_that_is_not_found_is_asked_about_at_growing_intervals() -> None:
    watch, now, times = a_watch(requests=1), 0.0, []
    for _ in range(4):
        while isinstance(rest := watch.next(now), Rest):
            now = rest.until
        times.append(now)
        assert isinstance(rest, StatusCall)
        change = watch.failed(rest, NotFound(), now=now)
        assert change is not None
        watch.applied(change, now=now)
    assert [round(b - a) for a, b in pairwise(times)] == [4, 8, 16]


def test_a_request_whose_answers_are_always_unusable_does_not_hold_up_the_others() -> None:
    watch, now, polled = a_watch(requests=2, calls=1000), 0.0, {"r0": 0, "r1": 0}
    while now < 600.0:
        call = watch.next(now)
        if isinstance(call, Rest):
            now = call.until
            continue
        assert isinstance(call, StatusCall)
        polled[call.request_id] += 1
        if call.request_id == "r0":
            watch.failed(call, InvalidResponse(), now=now)
        else:
            settle(watch, call, QUEUED, now)
    assert polled["r0"] < 12
    assert polled["r1"] > 550


def test_while_the_store_fails_nothing_is_polled() -> None:
    watch = a_watch()
    watch.held = True
    assert watch.next(0.0) == Rest(inf, Reason.HELD)


def test_after_429_the_account_pauses_for_retry_after() -> None:
    watch = a_watch()
    watch.failed(a_call(watch, 0.0), RateLimited(retry_after=9.0), now=1.0)
    assert watch.next(1.0) == Rest(10.0, Reason.TROUBLE)


def test_a_policy_changed_while_running_knows_every_request() -> None:
    watch = a_watch()
    asked = a_call(watch, 0.0)
    watch.reconfigure(
        policy=RoundRobin(0.0), apis=frozenset({"lead_update"}), queue_apis=(), queue_interval=60.0, now=1.0
    )
    settle(watch, asked, QUEUED, 1.0)
    assert {a_call(watch, 3.0).request_id for _ in range(3)} == {"r0", "r1", "r2"}
