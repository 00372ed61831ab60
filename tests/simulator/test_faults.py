"""Every fault that can happen to a call."""

import json
from dataclasses import replace

import pytest

from exporter.simulator.options import FAULTS
from exporter.simulator.reply import Drop, Reply
from tests.simulator.caller import Caller, given


def struck(fault: str, **options: object) -> tuple[Caller, str, Reply]:
    """The answer to a poll that the fault happens to."""
    caller = given()
    request_id = caller.submit(0.0)
    caller.remote.options = replace(caller.remote.options, **{fault: 1.0, **options})  # type: ignore[arg-type]
    return caller, request_id, caller.poll(request_id, 1.0)


INSTEAD = [
    ("fault_rate_limited", 429, b"API calls exceeded the limit of 25 in 5 second(s)"),
    ("fault_rate_limited_ok", 200, b"API calls exceeded the limit of 25 in 5 second(s)"),
    ("fault_unauthorized", 401, b"MXInvalidAccessDetailsException"),
    ("fault_unauthorized_ok", 200, b"MXInvalidAccessDetailsException"),
    ("fault_forbidden", 403, b'{"message": "Forbidden"}'),
    ("fault_bad_request", 400, b'{"message": "Bad Request"}'),
    ("fault_error_ok", 200, b"MXInvalidOperationException"),
    ("fault_server_error", 500, b'{"Status": "Error", "ExceptionType": "MXUnknownException"'),
    ("fault_bad_gateway", 502, b"<html>"),
    ("fault_unavailable", 503, b'{"message": "Service Unavailable"}'),
    ("fault_gateway_timeout", 504, b'{"message": "Endpoint request timed out"}'),
    ("fault_html", 200, b"<html>"),
    ("fault_unknown_id", 404, b"not found"),
    ("fault_null_status", 200, b'"TaskStatus": null'),
    ("fault_unlisted_status", 200, b'"Status": "In-Progress"'),
    ("fault_unlisted_step", 200, b'"TaskCurrentStep": "Some-Unlisted-Step"'),
]


@pytest.mark.parametrize(("fault", "code", "part"), INSTEAD)
def test_a_fault_gives_its_code_and_body(fault: str, code: int, part: bytes) -> None:
    _, _, reply = struck(fault)
    assert reply.code == code
    assert part in reply.body
    assert (reply.drop, reply.delay) == (Drop.NOTHING, 0.0)


def test_an_empty_answer_has_no_body() -> None:
    _, _, reply = struck("fault_empty")
    assert (reply.code, reply.body) == (200, b"")


def test_a_huge_answer_has_the_size_of_the_switch() -> None:
    _, _, reply = struck("fault_huge", fault_huge_size=3_000_000)
    assert (reply.code, len(reply.body)) == (200, 3_000_000)


def test_a_truncated_answer_is_half_of_the_json() -> None:
    caller, request_id, reply = struck("fault_truncated")
    caller.remote.options = replace(caller.remote.options, fault_truncated=0.0)
    whole = caller.poll(request_id, 1.0).body
    assert reply.body == whole[: len(whole) // 2]


def test_a_wrong_id_is_another_one_of_the_same_form() -> None:
    _, request_id, reply = struck("fault_wrong_id")
    answered = json.loads(reply.body)["RequestID"]
    assert answered != request_id
    assert len(answered) == len(request_id)


def test_a_hanging_answer_is_the_right_one_too_late() -> None:
    _, _, reply = struck("fault_hang", fault_hang_for=45.0)
    assert (reply.delay, json.loads(reply.body)["TaskStatus"]["Status"]) == (45.0, "Success")


def test_a_connection_ends_halfway() -> None:
    _, _, reply = struck("fault_cut")
    assert (reply.code, reply.drop) == (200, Drop.HALFWAY)


def test_a_reset_before_the_handling_takes_no_submission_and_is_counted_at_the_door() -> None:
    caller = given(fault_reset=1.0)
    reply = caller.call("POST", "/lead/update", 0.0)
    assert (reply.drop, caller.remote.truth) == (Drop.RESET, {})
    assert [call.code for call in caller.remote.log] == [0]
    assert caller.remote.busiest("demo")["submit"] == 1


def test_a_reset_after_the_handling_has_taken_the_submission() -> None:
    caller = given(fault_reset_after=1.0)
    reply = caller.call("POST", "/lead/update", 0.0)
    assert reply.drop is Drop.RESET
    assert len(caller.remote.truth) == 1


def test_a_duplicate_id_is_that_of_the_submission_before() -> None:
    caller = given()
    first = caller.submit(0.0)
    caller.remote.options = replace(caller.remote.options, fault_duplicate_id=1.0)
    assert caller.submit(1.0) == first
    assert len(caller.remote.truth) == 1


def test_the_first_submission_cannot_have_a_duplicate_id() -> None:
    assert given(fault_duplicate_id=1.0).submit(0.0)


@pytest.mark.parametrize(
    ("on", "expected"),
    [("all", [503, 503, 503]), ("polls", [200, 503, 503]), ("submissions", [503, 404, 200])],
)
def test_faults_happen_to_the_calls_of_the_switch(on: str, expected: list[int]) -> None:
    caller = given(fault_unavailable=1.0, fault_on=on)
    replies = [
        caller.call("POST", "/lead/update", 0.0),
        caller.poll("x", 0.0),
        caller.call("GET", "/lead/update/metrics", 0.0),
    ]
    codes = [reply.code for reply in replies]
    assert codes == expected


def test_a_spurious_429_has_a_retry_after_when_the_switch_says_so() -> None:
    _, _, reply = struck("fault_rate_limited", limit_retry_after=True)
    assert reply.headers["retry-after"] == "5"


def test_faults_come_as_often_as_their_probabilities_say_and_the_same_way_for_a_seed() -> None:
    def codes() -> list[int]:
        caller = given(fault_unavailable=0.2, fault_bad_gateway=0.3)
        return [caller.call("GET", "/lead/update/metrics", now * 10.0).code for now in range(4000)]

    drawn = codes()
    assert drawn.count(503) == pytest.approx(800, rel=0.15)
    assert drawn.count(502) == pytest.approx(1200, rel=0.15)
    assert drawn.count(200) == pytest.approx(2000, rel=0.15)
    assert drawn == codes()


def test_a_fault_does_not_change_the_fate_of_requests() -> None:
    def finishes(**faults: float) -> list[object]:
        caller = Caller(given(queue_failure=0.5, queue_service_spread=1.0, **faults).remote)
        fates = [caller.remote.submit(account="demo", api="lead_update", now=float(now)) for now in range(50)]
        for now in range(50, 90):
            caller.poll(fates[0].request_id, float(now))
        caller.remote.advance(1e6)
        return [(fate.finished, fate.status) for fate in fates]

    assert finishes() == finishes(fault_unavailable=0.5)


def test_every_fault_of_the_options_is_tested_here() -> None:
    tested = {fault for fault, _, _ in INSTEAD} | {
        "fault_reset",
        "fault_reset_after",
        "fault_cut",
        "fault_hang",
        "fault_truncated",
        "fault_empty",
        "fault_huge",
        "fault_wrong_id",
        "fault_duplicate_id",
    }
    assert tested == {switch.field for switch in FAULTS}
