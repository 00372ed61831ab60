"""What answers and deadlines do to a request, and what is counted of it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.settings import Metrics, Settings
from exporter.core.change import Change
from exporter.core.ledger import Counter, Histogram, Ledger
from exporter.core.request import Cause, Outcome, Record, Report, State, Status, Submission
from exporter.core.tracker import Rules, Tracker
from exporter.core.vocabulary import Vocabulary
from exporter.engine.build import Words

RULES = Rules(stuck_after=1800.0, give_up_after=86400.0, error_grace=36000.0, not_found_attempts=5, last_look=1800.0)
QUEUE = "in_process_queue"


class Bench:
    """One request under test, with everything applied at once."""

    def __init__(self, rules: Rules = RULES, *, submitted: float | None = 0.0, first_seen: float = 0.0) -> None:
        self.ledger = Ledger(dict.fromkeys(Histogram, (1.0, 10.0, 100.0)))
        self.tracker = Tracker(
            "acme", rules, ledger=self.ledger, reasons=Vocabulary(3), steps=Vocabulary(20), now=first_seen
        )
        submission = Submission(
            request_id="r1",
            account="acme",
            api="lead_update",
            source="push",
            submitted=submitted,
            first_seen=first_seen,
        )
        (self.slot,) = self.tracker.admit((submission,), (1,))

    def answer(self, status: Status, at: float, *, took: float = 0.0, reason: str | None = None) -> Change:
        last_step = QUEUE if status is Status.SUCCESS else "none"
        report = Report(status=status, current_step="none", last_step=last_step, reason=reason)
        change = self.tracker.answer(self.slot, report, sent=at - took, received=at)
        self.tracker.apply(change)
        return change

    def expire(self, at: float, *, heard: float | None = None) -> list[Change]:
        changes = self.tracker.expire(at, heard=heard)
        for change in changes:
            self.tracker.apply(change)
        return changes

    def counted(self, counter: Counter) -> dict[tuple[str, ...], int]:
        return self.ledger.counters[counter]

    def total(self, histogram: Histogram) -> list[tuple[tuple[str, ...], int, float]]:
        series = self.ledger.histograms[histogram].items()
        return [(labels, sum(one.counts), round(one.total, 6)) for labels, one in series]


def test_a_success_is_counted_with_the_middle_of_its_detection_window_as_duration() -> None:
    bench = Bench()
    assert bench.answer(Status.IN_QUEUE, 10.0, took=1.0).outcome is Outcome.ADVANCED
    assert bench.answer(Status.IN_QUEUE, 20.0, took=1.0).outcome is Outcome.UNCHANGED
    change = bench.answer(Status.SUCCESS, 30.0)
    assert (change.record.finished_after, change.record.finished) == (19.0, 30.0)
    assert bench.counted(Counter.FINISHED) == {("acme", "lead_update", "success", QUEUE): 1}
    assert bench.total(Histogram.DURATION) == [(("acme", "lead_update", "success"), 1, 24.5)]
    assert bench.total(Histogram.DETECTION_WINDOW) == [(("acme", "lead_update"), 1, 11.0)]
    assert len(bench.tracker) == 0


def test_when_the_first_answer_is_final_the_window_starts_at_the_submission() -> None:
    bench = Bench(first_seen=5.0)
    bench.answer(Status.SUCCESS, 8.0)
    assert bench.total(Histogram.DETECTION_WINDOW) == [(("acme", "lead_update"), 1, 8.0)]
    assert bench.total(Histogram.DURATION) == [(("acme", "lead_update", "success"), 1, 4.0)]


def test_a_submission_ahead_of_our_clock_gives_no_bounds_the_wrong_way_round() -> None:
    bench = Bench(submitted=200.0)
    record = bench.answer(Status.SUCCESS, 5.0).record
    assert (record.finished_after, record.finished) == (5.0, 5.0)
    assert bench.total(Histogram.DURATION) == [(("acme", "lead_update", "success"), 1, 0.0)]


def test_a_request_of_unknown_submission_has_no_duration_and_is_counted_as_such() -> None:
    bench = Bench(submitted=None)
    bench.answer(Status.IN_QUEUE, 10.0)
    bench.answer(Status.SUCCESS, 12.0)
    assert bench.total(Histogram.DURATION) == []
    assert bench.total(Histogram.DETECTION_WINDOW) == [(("acme", "lead_update"), 1, 2.0)]
    assert bench.counted(Counter.DURATION_UNKNOWN) == {("acme", "lead_update", "success"): 1}


def test_without_submission_and_unfinished_answer_no_window_is_observed() -> None:
    bench = Bench(submitted=None)
    bench.answer(Status.SUCCESS, 12.0)
    assert bench.total(Histogram.DETECTION_WINDOW) == []


def test_a_failure_is_final_and_counted_with_its_reason() -> None:
    bench = Bench()
    bench.answer(Status.FAILURE, 5.0, reason="MXDuplicateEntryException")
    assert bench.counted(Counter.ERRORS) == {("acme", "lead_update", "failure", "MXDuplicateEntryException"): 1}
    assert bench.counted(Counter.FINISHED) == {("acme", "lead_update", "failure", "none"): 1}


def test_an_error_may_still_become_a_success_within_the_grace_and_is_counted_once() -> None:
    bench = Bench()
    bench.answer(Status.ERROR, 5.0, reason="database")
    bench.answer(Status.ERROR, 6.0, reason="database")
    bench.answer(Status.IN_QUEUE, 7.0)
    bench.answer(Status.ERROR, 8.0, reason="database")
    bench.answer(Status.SUCCESS, 9.0)
    assert bench.counted(Counter.ERRORS) == {("acme", "lead_update", "error", "database"): 1}
    assert bench.counted(Counter.RECOVERED) == {("acme", "lead_update"): 1}
    assert bench.counted(Counter.FINISHED) == {("acme", "lead_update", "success", QUEUE): 1}


def test_an_error_beyond_the_grace_is_final_since_it_was_first_seen() -> None:
    bench = Bench(replace(RULES, error_grace=100.0))
    bench.answer(Status.IN_QUEUE, 3.0)
    bench.answer(Status.ERROR, 5.0, reason="none")
    assert bench.answer(Status.ERROR, 104.0, reason="none").outcome is Outcome.UNCHANGED
    change = bench.answer(Status.ERROR, 105.0, reason="none")
    assert (change.outcome, change.record.finished_after, change.record.finished) == (Outcome.FINISHED, 3.0, 5.0)


def test_without_a_grace_an_error_is_final_at_once() -> None:
    bench = Bench(replace(RULES, error_grace=0.0))
    assert bench.answer(Status.ERROR, 5.0, reason="none").record.state is State.FINISHED


def test_a_request_that_is_not_found_several_times_in_a_row_is_abandoned() -> None:
    bench = Bench()
    for attempt in range(4):
        bench.tracker.apply(bench.tracker.not_found(bench.slot, received=float(attempt)))
    bench.answer(Status.IN_QUEUE, 5.0)
    outcomes = []
    for attempt in range(5):
        change = bench.tracker.not_found(bench.slot, received=10.0 + attempt)
        bench.tracker.apply(change)
        outcomes.append(change.record.state)
    assert outcomes == [State.PENDING] * 4 + [State.ABANDONED]
    assert bench.counted(Counter.ABANDONED) == {("acme", "lead_update", "not_found"): 1}


def test_a_request_is_given_up_when_its_time_is_over() -> None:
    bench = Bench()
    assert bench.expire(86399.0) == []
    assert [change.record.cause for change in bench.expire(86400.0)] == [Cause.EXPIRED]
    assert bench.counted(Counter.ABANDONED) == {("acme", "lead_update", "expired"): 1}


def test_a_request_come_of_age_while_unwatched_is_asked_about_before_it_is_given_up() -> None:
    bench = Bench(submitted=0.0, first_seen=100_000.0)
    assert bench.expire(100_001.0) == []
    assert bench.tracker.oldest_age("lead_update", 100_001.0) == 100_001.0
    bench.answer(Status.IN_QUEUE, 100_060.0)
    assert bench.expire(101_799.0) == []
    assert len(bench.expire(101_801.0)) == 1


def test_a_request_that_came_of_age_is_not_given_up_while_its_account_is_silent() -> None:
    bench = Bench(submitted=0.0, first_seen=100_000.0)
    for now in range(100_000, 400_000, 600):
        assert bench.expire(now) == []
    bench.answer(Status.IN_QUEUE, 400_000.0)
    assert len(bench.expire(401_801.0)) == 1


def test_a_request_that_the_budget_never_reached_is_watched_for_as_long_as_a_new_one() -> None:
    bench = Bench(submitted=0.0, first_seen=100_000.0)
    for now in range(100_000, 186_400, 600):
        assert bench.expire(now, heard=now - 1.0) == []
    assert len(bench.expire(186_400.0, heard=186_399.0)) == 1


def test_a_request_that_came_new_is_given_up_in_time_though_its_account_is_silent() -> None:
    bench = Bench(submitted=99_990.0, first_seen=100_000.0)
    assert bench.expire(186_399.0) == []
    assert len(bench.expire(186_400.0)) == 1


def test_a_request_counts_as_stuck_by_its_last_step_until_it_ends() -> None:
    bench = Bench()
    census = bench.tracker.census("lead_update")
    bench.tracker.look(1799.0)
    assert census.stuck == {}
    bench.tracker.look(1800.0)
    assert census.stuck == {"none": 1}
    report = Report(status=Status.IN_QUEUE, current_step="none", last_step=QUEUE)
    bench.tracker.apply(bench.tracker.answer(bench.slot, report, sent=1900.0, received=1900.0))
    assert census.stuck == {"none": 0, QUEUE: 1}
    bench.answer(Status.SUCCESS, 2000.0)
    assert census.stuck == {"none": 0, QUEUE: 0}


def test_reasons_beyond_the_bound_are_other() -> None:
    ledger = Ledger(dict.fromkeys(Histogram, (1.0,)))
    tracker = Tracker("acme", RULES, ledger=ledger, reasons=Vocabulary(2), steps=Vocabulary(20), now=0.0)
    for number in range(4):
        submission = Submission(
            request_id=f"r{number}", account="acme", api="call_log", source="push", submitted=0.0, first_seen=0.0
        )
        (slot,) = tracker.admit((submission,), (number,))
        report = Report(status=Status.FAILURE, current_step="none", last_step="none", reason=f"MX{number}Exception")
        tracker.apply(tracker.answer(slot, report, sent=1.0, received=1.0))
    assert [labels[3] for labels in ledger.counters[Counter.ERRORS]] == ["MX0Exception", "MX1Exception", "other"]


@pytest.mark.parametrize("most", [1, 2, 20])
def test_the_reason_label_has_at_most_max_reasons_values_other_and_none_among_them(most: int) -> None:
    configured = Settings(accounts=(), metrics=Metrics(max_reasons=most))
    reasons = Words(configured).reasons
    met = {reasons.label(word) for word in ("none", "other", *(f"MX{number}Exception" for number in range(50)))}
    assert len(met) == most
    assert "other" in met


def test_a_change_alters_nothing_before_it_is_applied() -> None:
    bench = Bench()
    report = Report(status=Status.SUCCESS, current_step="none", last_step=QUEUE)
    bench.tracker.answer(bench.slot, report, sent=1.0, received=1.0)
    assert bench.counted(Counter.FINISHED) == {}
    assert len(bench.tracker) == 1


statuses = st.sampled_from(list(Status))
events = st.tuples(
    st.integers(0, 4), st.sampled_from(["answer", "not_found", "expire", "remove"]), statuses, st.integers(1, 30_000)
)


@settings(max_examples=200, deadline=None)
@given(st.lists(events, max_size=80))
def test_every_request_ends_once_and_the_counts_add_up(steps: list[tuple[int, str, Status, int]]) -> None:
    ledger = Ledger(dict.fromkeys(Histogram, (1.0, 100.0)))
    tracker = Tracker("acme", RULES, ledger=ledger, reasons=Vocabulary(3), steps=Vocabulary(20), now=0.0)
    submissions = [
        Submission(
            request_id=f"r{number}", account="acme", api="lead_update", source="push", submitted=0.0, first_seen=0.0
        )
        for number in range(5)
    ]
    tracker.admit(submissions, range(1, 6))
    now = 0.0
    for number, step, status, wait in steps:
        now += wait
        for change in _decide(tracker, f"r{number}", step, status, now):
            tracker.settle(change)
            tracker.apply(change)
        tracker.look(now)
        ended = sum(ledger.counters[Counter.FINISHED].values()) + sum(ledger.counters[Counter.ABANDONED].values())
        census = tracker.census("lead_update")
        assert sum(census.pending.values()) == len(tracker) == 5 - ended
        assert min([*census.pending.values(), *census.stuck.values()], default=0) >= 0
        assert sum(census.stuck.values()) == sum(tracker.table.origin(s) + 1800 <= now for s in tracker.table)
    assert sum(sum(d.counts) for d in ledger.histograms[Histogram.DURATION].values()) == sum(
        ledger.counters[Counter.FINISHED].values()
    )


def _decide(tracker: Tracker, request_id: str, step: str, status: Status, now: float) -> list[Change]:
    slot = tracker.table.slot(request_id)
    if step == "expire":
        return tracker.expire(now, heard=None)
    if slot is None:
        return []
    if step == "not_found":
        return [tracker.not_found(slot, received=now)]
    if step == "remove":
        return [tracker.remove(slot, now=now)]
    report = Report(status=status, current_step="none", last_step="none", reason="other")
    return [tracker.answer(slot, report, sent=now, received=now)]


def test_a_restored_request_goes_on_where_it_was() -> None:
    bench = Bench()
    bench.answer(Status.ERROR, 5.0, reason="database")
    record: Record = bench.tracker.table.record(bench.slot)
    again = Bench()
    tracker = Tracker("acme", RULES, ledger=again.ledger, reasons=Vocabulary(3), steps=Vocabulary(20), now=10.0)
    (slot,) = tracker.restore((record,))
    tracker.restored()
    assert tracker.table.record(slot) == record
    assert tracker.staleness("lead_update", 11.0) == pytest.approx(6.0)
