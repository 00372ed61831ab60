"""What becomes of requests, and when."""

from itertools import pairwise, repeat

import pytest
from hypothesis import given as examples
from hypothesis import strategies

from exporter.core.request import Status
from exporter.simulator.fate import IN_QUEUE, Scene, finishes
from exporter.simulator.options import Options
from exporter.simulator.queue import RETRY_WAITS
from exporter.simulator.remote import Remote
from tests.simulator.caller import Caller, given


def test_a_request_finishes_after_the_time_that_was_given() -> None:
    caller = given(7.0)
    request_id = caller.submit(100.0)
    assert [caller.status(request_id, now) for now in (100.0, 106.999, 107.0)] == ["In-Queue", "In-Queue", "Success"]
    fate = caller.remote.truth[request_id]
    assert (fate.submitted, fate.started, fate.finished, fate.status) == (100.0, 100.0, 107.0, Status.SUCCESS)


def test_a_request_is_unfinished_in_the_truth_until_its_end_has_come() -> None:
    caller = given(7.0)
    fate = caller.remote.truth[caller.submit(100.0)]
    caller.remote.advance(106.0)
    assert (fate.started, fate.finished, fate.status) == (100.0, None, None)


def test_requests_start_in_the_order_of_their_submission() -> None:
    caller = given(5.0, 1.0, 2.0)
    ids = [caller.submit(float(now)) for now in (0, 1, 2)]
    caller.remote.advance(100.0)
    truth = [caller.remote.truth[request_id] for request_id in ids]
    assert [(fate.started, fate.finished) for fate in truth] == [(0.0, 5.0), (5.0, 6.0), (6.0, 8.0)]


def test_each_api_has_a_queue_of_its_own() -> None:
    caller = given(5.0, 1.0)
    update, capture = caller.submit(0.0, "lead_update"), caller.submit(0.0, "lead_capture")
    caller.remote.advance(10.0)
    assert caller.remote.truth[update].finished == 5.0
    assert caller.remote.truth[capture].finished == 1.0


def test_the_rate_spaces_out_the_starts() -> None:
    caller = given(*repeat(0.0, 4), queue_rate=2.0)
    ids = [caller.submit(0.0) for _ in range(4)]
    caller.remote.advance(10.0)
    assert [caller.remote.truth[request_id].started for request_id in ids] == [0.0, 0.5, 1.0, 1.5]


def test_workers_share_the_queue() -> None:
    caller = given(5.0, 1.0, 1.0, queue_workers=2)
    ids = [caller.submit(0.0) for _ in range(3)]
    caller.remote.advance(10.0)
    assert [caller.remote.truth[request_id].finished for request_id in ids] == [5.0, 1.0, 2.0]


def test_a_paused_queue_starts_nothing_and_then_works_off_a_burst() -> None:
    caller = given(*repeat(0.0, 3), queue_pause_every=60.0, queue_pause_for=20.0)
    ids = [caller.submit(now) for now in (39.0, 40.0, 59.0)]
    caller.remote.advance(100.0)
    assert [caller.remote.truth[request_id].started for request_id in ids] == [39.0, 60.0, 60.0]


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_a_system_error_is_retried_on_the_vendors_schedule_and_final_after_ten(scale: float) -> None:
    caller = given(*repeat(0.0, 11), queue_error=1.0, queue_time_scale=scale)
    fate = caller.remote.truth[caller.submit(0.0)]
    caller.remote.advance(1e6)
    assert [round((end - start) * scale) for start, end in fate.waits] == list(RETRY_WAITS)
    assert fate.finished == pytest.approx((9 * 3600 + 9 * 60 + 30) / scale)
    assert (fate.status, fate.attempts, fate.reason) == (Status.ERROR, 11, "Maximum retry attempts reached")


@pytest.mark.parametrize(("shown", "status"), [("in-queue", "In-Queue"), ("error", "ERROR")])
def test_between_retries_the_status_is_what_the_switch_says(shown: str, status: str) -> None:
    caller = given(0.0, 0.0, queue_error=1.0, queue_between_retries=shown)
    request_id = caller.submit(0.0)
    task = caller.task(request_id, 29.0)
    assert (task["Status"], task["StatusReason"]) == (status, "Unable to connect to DB")


def test_a_retry_can_end_in_success() -> None:
    caller = given(1.0, 1.0, queue_error=1.0)
    request_id = caller.submit(0.0)
    caller.remote.advance(1.5)
    caller.remote.options = Options(queue_error=0.0)
    caller.remote.advance(100.0)
    fate = caller.remote.truth[request_id]
    assert (fate.finished, fate.status, fate.waits) == (32.0, Status.SUCCESS, ((1.0, 31.0),))


def test_waiting_for_a_retry_leaves_the_worker_to_others() -> None:
    caller = given(1.0, 1.0)
    caller.remote.options = Options(queue_error=1.0, queue_workers=1, queue_rate=0.0)
    first = caller.submit(0.0)
    caller.remote.advance(1.0)
    caller.remote.options = Options(queue_workers=1, queue_rate=0.0)
    second = caller.submit(2.0)
    caller.remote.advance(10.0)
    assert caller.remote.truth[second].finished == 3.0
    assert caller.remote.truth[first].finished is None


def test_an_application_error_is_final_and_names_an_exception() -> None:
    caller = given(1.0, queue_failure=1.0)
    task = caller.task(caller.submit(0.0), 1.0)
    assert task["Status"] == "FAILURE"
    assert "MX" in task["StatusReason"]
    assert task["Message"] is None


def test_lead_and_activity_says_error_where_the_others_say_failure() -> None:
    caller = given(1.0, queue_failure=1.0)
    request_id = caller.submit(0.0, "activity_create_custom")
    assert caller.status(request_id, 1.0, "activity_create_custom") == "Error"
    assert caller.remote.truth[request_id].status is Status.ERROR


def test_a_script_is_followed_to_the_letter() -> None:
    caller = given()
    caller.remote.plan((Scene(0.0, IN_QUEUE), Scene(10.0, "ERROR", "Unable to connect to DB"), Scene(40.0, "Success")))
    request_id = caller.submit(0.0)
    assert [caller.status(request_id, now) for now in (0.0, 10.0, 39.0, 40.0)] == [
        "In-Queue",
        "ERROR",
        "ERROR",
        "Success",
    ]
    assert caller.remote.truth[request_id].finished == 40.0
    assert caller.remote.finished("demo", "lead_update") == {Status.SUCCESS: 1}


def test_a_scripted_request_does_not_hold_up_the_queue() -> None:
    caller = given(1.0)
    caller.remote.submit(account="demo", api="lead_update", now=0.0, script=finishes(1000.0))
    behind = caller.submit(0.0)
    assert caller.status(behind, 1.0) == "Success"


def test_a_script_without_an_end_never_finishes() -> None:
    caller = given()
    fate = caller.remote.submit(account="demo", api="lead_update", now=0.0, script=(Scene(0.0, IN_QUEUE),))
    caller.remote.advance(1e9)
    assert (fate.finished, fate.status) == (None, None)


def test_the_figures_of_the_queue_count_what_is_pending_and_what_was_processed() -> None:
    caller = given(*repeat(1.0, 40), queue_rate=1.0)
    for _ in range(30):
        caller.remote.submit(account="demo", api="lead_update", now=0.0)
    body = caller.call("GET", "/lead/update/metrics", 20.0).body
    assert body == b'{"PendingMessages": 10, "MaxDelayInSeconds": 10, "ProcessingRatePerMinute": 2.0}'


def test_the_processing_rate_forgets_what_is_older_than_ten_minutes() -> None:
    caller = given(1.0)
    caller.submit(0.0)
    assert b'"ProcessingRatePerMinute": 0.1' in caller.call("GET", "/lead/update/metrics", 500.0).body
    assert b'"ProcessingRatePerMinute": 0.0' in caller.call("GET", "/lead/update/metrics", 611.0).body


submissions = strategies.lists(strategies.floats(0.0, 20.0), min_size=1, max_size=30)


@examples(submissions, strategies.integers(0, 1000), strategies.lists(strategies.floats(0.0, 5000.0), max_size=20))
def test_fates_depend_on_the_seed_and_never_on_who_looks_when(gaps: list[float], seed: int, looks: list[float]) -> None:
    options = Options(queue_error=0.3, queue_failure=0.2, queue_rate=1.0, queue_workers=2)
    unwatched, watched = Remote(options, seed), Remote(options, seed)
    now = 0.0
    for gap in gaps:
        now += gap
        unwatched.submit(account="demo", api="lead_update", now=now)
        watched.submit(account="demo", api="lead_update", now=now)
    for look in sorted(looks):
        Caller(watched).poll(next(iter(watched.truth)), now + look)
    unwatched.advance(1e6)
    watched.advance(1e6)
    assert _fates(watched) == _fates(unwatched)


@examples(submissions, strategies.integers(0, 1000))
def test_without_retries_starts_keep_the_order_and_no_more_run_than_workers(gaps: list[float], seed: int) -> None:
    remote = Remote(Options(queue_rate=0.7, queue_workers=3, queue_service_time=4.0), seed)
    now = 0.0
    for gap in gaps:
        now += gap
        remote.submit(account="demo", api="lead_update", now=now)
    remote.advance(1e6)
    fates = list(remote.truth.values())
    starts = [fate.started or 0.0 for fate in fates]
    assert starts == sorted(starts)
    assert all(later - earlier >= 1 / 0.7 - 1e-6 for earlier, later in pairwise(starts))
    for fate in fates:
        assert sum((o.started or 0) <= (fate.started or 0) < (o.finished or 0) for o in fates) <= 3


def test_another_seed_gives_other_fates() -> None:
    assert _fates(_mixed(seed=1)) != _fates(_mixed(seed=2))


def test_about_as_many_fail_as_the_probability_says() -> None:
    remote = _mixed(seed=3)
    assert remote.finished("demo", "lead_update")[Status.FAILURE] == pytest.approx(600, rel=0.15)


def _mixed(seed: int) -> Remote:
    remote = Remote(Options(queue_failure=0.3, queue_rate=0.0, queue_workers=50), seed)
    for number in range(2000):
        remote.submit(account="demo", api="lead_update", now=float(number))
    remote.advance(1e6)
    return remote


def _fates(remote: Remote) -> list[dict[str, object]]:
    return [fate.trace(0.0) for fate in remote.truth.values()]
