"""The learned policy at work in a Watch, between tracker and budget."""

from collections.abc import Sequence
from random import Random

import pytest

from exporter.core.breaker import Breaker
from exporter.core.budget import Budget, Limit, burst, daily
from exporter.core.change import Change
from exporter.core.learned.policy import Learned
from exporter.core.learned.stream import Stream
from exporter.core.ledger import Histogram, Ledger
from exporter.core.request import Report, Status, Submission
from exporter.core.tracker import Rules, Tracker
from exporter.core.vocabulary import Vocabulary
from exporter.core.watch import QueueCall, QueueFigures, Reason, Rest, StatusCall, Watch

RULES = Rules(stuck_after=1800.0, give_up_after=86400.0, error_grace=36000.0, not_found_attempts=5, last_look=1800.0)
QUEUED = Report(status=Status.IN_QUEUE, current_step="none", last_step="none")
DONE = Report(status=Status.SUCCESS, current_step="none", last_step="none")
ERROR = QUEUED._replace(status=Status.ERROR)
API = "lead_update"


def a_policy(now: float = 0.0) -> Learned:
    return Learned(rate=100.0, burst=500.0, effort="high", max_staleness=1800.0, random=Random(1), now=now)


def a_watch(*, queue: tuple[str, ...] = (), limits: Sequence[Limit] = ()) -> Watch:
    tracker = Tracker(
        "acme",
        RULES,
        ledger=Ledger(dict.fromkeys(Histogram, (1.0,))),
        reasons=Vocabulary(20),
        steps=Vocabulary(20),
        now=0.0,
    )
    return Watch(
        tracker=tracker,
        policy=a_policy(),
        budget=Budget([*limits] or [burst(calls=500, seconds=5.0)]),
        breaker=Breaker(period=5.0, random=Random(1)),
        apis=frozenset({API}),
        queue_apis=queue,
        queue_interval=60.0,
    )


def admit(watch: Watch, number: int, now: float, *, dated: bool = True) -> None:
    submitted = now if dated else None
    one = Submission(
        request_id=f"r{number}", account="acme", api=API, source="push", submitted=submitted, first_seen=now
    )
    watch.admit((one,), (number + 1,), now)


def learned(watch: Watch) -> Learned:
    assert isinstance(watch.policy, Learned)
    return watch.policy


def a_call(watch: Watch, now: float) -> tuple[StatusCall, float]:
    """The next status call, and when it was made."""
    for _ in range(200):
        todo = watch.next(now)
        if isinstance(todo, StatusCall):
            return todo, now
        assert isinstance(todo, Rest)
        now = max(todo.until, now + 1e-3)
    raise AssertionError("nobody is asked about")


def settle(watch: Watch, call: StatusCall, report: Report, now: float) -> Change:
    change = watch.answered(call, report, now=now)
    assert change is not None
    watch.applied(change, now=now)
    return change


def replaced(watch: Watch, now: float) -> Learned:
    """A new policy, everything else as it was."""
    policy = a_policy(now)
    watch.reconfigure(policy=policy, apis=frozenset({API}), queue_apis=(), queue_interval=60.0, now=now)
    return policy


def answered(watch: Watch, number: int, now: float, duration: float) -> None:
    """A request comes, is asked about in vain each second, and finishes."""
    admit(watch, number, now)
    end = now + duration
    while True:
        call, now = a_call(watch, now + 1.0)
        if now >= end:
            settle(watch, call, DONE, now)
            return
        settle(watch, call, QUEUED, now)


@pytest.mark.parametrize("report", [QUEUED, ERROR])
def test_a_request_out_when_the_policy_changed_is_asked_once_more_after_its_answer(report: Report) -> None:
    watch = a_watch()
    admit(watch, 0, 0.0)
    call, now = a_call(watch, 10.0)
    policy = replaced(watch, now)
    assert policy.due() is None
    settle(watch, call, report, now + 1)
    assert sum(stream.unfinished for stream in policy.streams.values()) == 1
    again, _ = a_call(watch, now + 20)
    assert again.request_id == call.request_id
    assert policy.due() is None


def test_a_request_that_finished_while_the_policy_changed_does_not_come_up_again() -> None:
    watch = a_watch()
    admit(watch, 0, 0.0)
    call, now = a_call(watch, 10.0)
    policy = replaced(watch, now)
    settle(watch, call, DONE, now + 1)
    assert policy.due() is None


def test_what_the_former_policy_had_learned_goes_on() -> None:
    watch = a_watch()
    for number in range(20):
        answered(watch, number, 100.0 * number, 5.0)
    before = learned(watch).streams[API].durations.fresh.finishes
    policy = replaced(watch, 3000.0)
    assert policy.streams[API].durations.fresh.finishes == before == 20


def test_a_slot_given_to_another_request_is_not_asked_twice_after_a_change_of_policy() -> None:
    watch = a_watch()
    admit(watch, 0, 0.0)
    settle(watch, a_call(watch, 1.0)[0], QUEUED, 1.0)
    first, now = a_call(watch, 30.0)
    removal = watch.remove("r0", now=now)
    assert removal is not None
    watch.applied(removal, now=now)
    admit(watch, 1, now)
    second, now = a_call(watch, now + 30)
    assert (second.slot, second.request_id) == (first.slot, "r1")
    assert watch.answered(first, QUEUED, now=now) is None
    assert replaced(watch, now).due() is None
    settle(watch, second, DONE, now)


def test_an_answer_for_a_request_removed_and_handed_in_again_is_taken_without_harm() -> None:
    watch = a_watch()
    admit(watch, 0, 0.0)
    call, now = a_call(watch, 10.0)
    removal = watch.remove("r0", now=now)
    assert removal is not None
    watch.applied(removal, now=now)
    admit(watch, 0, now)
    settle(watch, call, QUEUED, now + 1)
    again, now = a_call(watch, now + 10)
    settle(watch, again, DONE, now)
    assert learned(watch).due() is None


def raised(watch: Watch, now: float) -> None:
    """Ten calls a day become a thousand."""
    watch.budget.resize([burst(calls=500, seconds=5.0), daily(1000)], now)
    watch.budget.reserved(watch.budget.statement(now))
    watch.reconfigure(policy=None, apis=frozenset({API}), queue_apis=(), queue_interval=60.0, now=now)


@pytest.mark.parametrize(("start", "reason"), [(0.0, Reason.IDLE), (10 * 86400.0, Reason.BUDGET)])
def test_a_raised_limit_ends_the_wait_for_the_one_before(start: float, reason: Reason) -> None:
    """Whether calls were spread over the day, or all are used up."""
    watch = a_watch(limits=[burst(calls=500, seconds=5.0), daily(10)])
    admit(watch, 0, start)
    now, rest = start, Rest(0.0, Reason.IDLE)
    while rest.until < start + 3600:
        watch.budget.reserved(watch.budget.statement(now))
        todo = watch.next(now)
        if isinstance(todo, StatusCall):
            settle(watch, todo, QUEUED, now)
        elif isinstance(todo, Rest):
            rest = todo
        now += 10.0
    assert rest.reason is reason
    assert watch.next(now) == rest
    raised(watch, now)
    _, asked = a_call(watch, now)
    assert asked < now + 120


def test_the_wait_for_the_budget_is_counted_while_it_lasts() -> None:
    watch = a_watch(limits=[burst(calls=10, seconds=5.0)])
    admit(watch, 0, 100.0)
    now = 100.0
    while not isinstance(todo := watch.next(now), Rest) or todo.reason is not Reason.BUDGET:
        if isinstance(todo, StatusCall):
            settle(watch, todo, QUEUED, now)
        now += 0.2
    counted = watch.waited
    for step in range(1, 5):
        assert watch.next(now + step * 0.1) == todo
    assert watch.waited == pytest.approx(counted + 0.4)


def test_a_duration_is_placed_where_requests_finish_and_not_mid_window() -> None:
    watch = a_watch()
    by_age = {**Stream(Random(1)).state(), "selector": {"turn": [100.0, 10.0], "age": [100.0, 50.0]}}
    learned(watch).restore({API: by_age})
    for number in range(60):
        answered(watch, number, 1000.0 * number, 5.0)
    admit(watch, 999, 100_000.0)
    # Nobody could ask for an hour.
    call, now = a_call(watch, 103_600.0)
    change = settle(watch, call, DONE, now)
    durations = [one.value for one in change.observations if one.histogram is Histogram.DURATION]
    windows = [one.value for one in change.observations if one.histogram is Histogram.DETECTION_WINDOW]
    assert windows == [pytest.approx(3600, abs=10)]
    assert durations == [pytest.approx(5.0, abs=2.0)]


def test_requests_without_a_submission_time_have_no_order_and_teach_no_durations() -> None:
    watch = a_watch()
    for number in range(3):
        admit(watch, number, 0.0, dated=False)
    for number in range(3):
        call, now = a_call(watch, 10.0 * (number + 1))
        settle(watch, call, DONE, now)
    stream = learned(watch).streams[API]
    assert stream.order.frontier is None
    assert (stream.durations.fresh.finishes, stream.durations.undated.finishes) == (0, 3)


def test_the_order_is_that_of_intake() -> None:
    watch = a_watch()
    for number in range(5):
        admit(watch, number, float(number))
    frontier = learned(watch).streams[API].order.frontier
    assert frontier is not None
    assert frontier.newest == 5


def test_the_vendors_queue_figures_reach_what_is_believed_of_the_queue() -> None:
    watch = a_watch(queue=(API,))
    for number in range(40):
        admit(watch, number, 0.0)
    now, call = 0.0, None
    finished = 0
    while call is None or finished < 30:
        todo = watch.next(now)
        if isinstance(todo, QueueCall):
            call = todo
            watch.queue_answered(todo, QueueFigures(pending=40.0, max_delay=1.0, per_second=0.1), now=now)
        elif isinstance(todo, StatusCall):
            report = DONE if todo.slot <= now * 2 else QUEUED
            finished += report is DONE
            settle(watch, todo, report, now)
        now += 0.05
    frontier = learned(watch).streams[API].order.frontier
    assert frontier is not None
    before = frontier.best.speed
    while not isinstance(todo := watch.next(now), QueueCall):
        if isinstance(todo, StatusCall):
            settle(watch, todo, QUEUED, now)
        now += 0.5
    before = frontier.best.speed
    watch.queue_answered(todo, QueueFigures(pending=1e6, max_delay=1.0, per_second=1e4), now=now)
    assert frontier.best.speed > before
