"""What answers mean, and that nothing private is left of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.request import Report, Status
from exporter.core.watch import QueueFigures
from exporter.errors import (
    BadRequest,
    CallError,
    Forbidden,
    InvalidResponse,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
)
from exporter.leadsquared.answer import read_queue, read_status
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer

ID = "7ba60ab0-7054-4856-8590-1b5a9f904ad1"
CANARY = "canary@example.com"


def answer(document: object, code: int = 200, **headers: str) -> RawAnswer:
    return RawAnswer(code, headers, json.dumps(document).encode())


def status(value: object = "Success", **fields: object) -> dict[str, object]:
    task = {
        "TaskType": "Lead Update",
        "Status": value,
        "StatusReason": None,
        "TaskCurrentStep": None,
        "TaskLastStep": "In-Process-Queue",
        "RequestBody": CANARY,
        "Message": json.dumps({"Status": "Success", "Message": {"Id": CANARY}}),
    }
    return {"RequestID": ID, "TaskStatus": task | fields}


def envelope(kind: str, text: str = "") -> dict[str, object]:
    return {"Status": "Error", "ExceptionType": kind, "ExceptionMessage": text}


def test_the_documented_success_is_read() -> None:
    assert read_status(answer(status()), ID) == Report(
        status=Status.SUCCESS, current_step="none", last_step="in_process_queue", reason=None
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("In-Queue", Status.IN_QUEUE),
        ("IN-QUEUE", Status.IN_QUEUE),
        ("in queue", Status.IN_QUEUE),
        ("FAILURE", Status.FAILURE),
        ("Failure", Status.FAILURE),
        ("ERROR", Status.ERROR),
        ("Error", Status.ERROR),
        ("success", Status.SUCCESS),
        ("In-Progress", Status.OTHER),
        (True, Status.OTHER),
        (None, Status.OTHER),
    ],
)
def test_statuses_are_read_in_any_case(value: object, expected: Status) -> None:
    assert read_status(answer(status(value)), ID).status is expected


def test_keys_are_read_in_any_case_and_the_id_may_be_missing() -> None:
    document = {"requestid": ID.upper(), "TASKSTATUS": {"status": "Success", "tasklaststep": None}}
    assert read_status(answer(document), ID).last_step == "none"
    assert read_status(answer({"TaskStatus": {"Status": "In-Queue"}}), ID).status is Status.IN_QUEUE


def test_of_two_spellings_of_a_key_the_last_one_counts() -> None:
    said = answer(status("In-Queue"))
    both = said._replace(body=said.body.replace(b'"TaskLastStep"', b'"STATUS": "Failure", "TaskLastStep"'))
    assert read_status(both, ID).status is Status.FAILURE


@pytest.mark.parametrize("word", [[], {}, [["Success"]], 1, True])
def test_what_is_no_word_is_another_status_each_time(word: object) -> None:
    assert [read_status(answer(status(word)), ID).status for _ in range(2)] == [Status.OTHER] * 2


@pytest.mark.parametrize("message", [{"Status": "Success"}, None, "not json", '{"a": 1}', [1]])
def test_message_may_be_an_object_a_string_or_nothing(message: object) -> None:
    assert read_status(answer(status(Message=message, RequestBody=message)), ID).status is Status.SUCCESS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MXDuplicateEntryException: A Lead with same Phone Number already exists.", "MXDuplicateEntryException"),
        (json.dumps(envelope("MXMandatoryAttributeMissingException", CANARY)), "MXMandatoryAttributeMissingException"),
        ("Unable to connect to DB", "database"),
        ("Maximum retry attempts reached", "retries_exhausted"),
        (f"something about {CANARY}", "other"),
        ("", "none"),
        (None, "none"),
        ({"a": CANARY}, "other"),
    ],
)
def test_a_reason_is_reduced_to_one_word(text: object, reason: str) -> None:
    assert read_status(answer(status("FAILURE", StatusReason=text)), ID).reason == reason


@pytest.mark.parametrize("step", [f"waiting for {CANARY}", "x" * 200, {"a": 1}, "naïve"])
def test_a_step_that_is_no_word_of_a_protocol_is_other(step: object) -> None:
    assert read_status(answer(status(TaskLastStep=step)), ID).last_step == "other"


@pytest.mark.parametrize(
    ("document", "code", "expected"),
    [
        ({"RequestID": ID, "TaskStatus": None}, 200, NotFound),
        (envelope("MXNotFoundException", "RequestID not found"), 404, NotFound),
        (envelope("MXInvalidInputException", "Invalid RequestID"), 400, NotFound),
        (envelope("MXException", "Request Id does not exist"), 500, NotFound),
        (envelope("MXException", "Request Id does not exist"), 200, NotFound),
        (
            envelope("MXAPIRateLimitExceededException", "API calls exceeded the limit of 25 in 5 second(s)"),
            200,
            RateLimited,
        ),
        ({"message": "Too Many Requests"}, 429, RateLimited),
        ({"message": "Limit Exceeded"}, 429, RateLimited),
        (envelope("MXInvalidAccessDetailsException", "Invalid Access Details provided."), 401, Unauthorized),
        (envelope("MXUnAuthorizedAccessException"), 200, Unauthorized),
        (envelope("MXAuthenticationFailedException"), 500, Unauthorized),
        ({"message": "Forbidden"}, 403, Forbidden),
        ({"message": "Missing Authentication Token"}, 403, Forbidden),
        ({"message": "bad"}, 400, BadRequest),
        (envelope("MXSomethingException", "broken"), 500, ServerError),
        (envelope("MXSomethingException", "broken"), 200, ServerError),
        ({"message": "Endpoint request timed out"}, 504, ServerError),
        ({"message": "moved"}, 302, InvalidResponse),
        ({"RequestID": "another", "TaskStatus": {"Status": "Success"}}, 200, InvalidResponse),
        ({"RequestID": ID}, 200, InvalidResponse),
        ({"RequestID": ID, "TaskStatus": "Success"}, 200, InvalidResponse),
        ([1, 2], 200, InvalidResponse),
        (None, 200, InvalidResponse),
    ],
)
def test_every_kind_of_error_is_told_apart(document: object, code: int, expected: type[CallError]) -> None:
    with pytest.raises(CallError) as caught:
        read_status(answer(document, code), ID)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b'{"RequestID": "7ba6',
        b"[" * 100_000,
        b"\xff\xfe",
        b" " * (BODY_LIMIT + 1),
    ],
)
def test_a_200_that_is_no_status_is_an_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        read_status(RawAnswer(200, {}, body), ID)


def test_html_with_a_502_is_a_server_error() -> None:
    with pytest.raises(ServerError):
        read_status(RawAnswer(502, {}, b"<html>Bad Gateway</html>"), ID)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:29:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"}, None),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"},
            None,
        ),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(RateLimited) as caught:
        read_status(answer({"message": "Too Many Requests"}, 429, **headers), ID)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"PendingMessages": 1840, "MaxDelayInSeconds": 4452, "ProcessingRatePerMinute": 24.0},
            QueueFigures(pending=1840.0, max_delay=4452.0, per_second=0.4),
        ),
        (
            {"pendingmessages": "3", "ProcessingratePerMinute": 0.0},
            QueueFigures(pending=3.0, max_delay=None, per_second=0.0),
        ),
        (
            {"PendingMessages": True, "MaxDelayInSeconds": 1, "x": 1},
            QueueFigures(pending=None, max_delay=1.0, per_second=None),
        ),
    ],
)
def test_queue_figures_are_read_in_any_case_and_absent_is_not_zero(document: object, expected: QueueFigures) -> None:
    assert read_queue(answer(document)) == expected


@pytest.mark.parametrize("document", [{}, {"PendingMessages": "many"}, {"PendingMessages": -1}, [], None])
def test_an_answer_without_figures_is_invalid(document: object) -> None:
    with pytest.raises(InvalidResponse):
        read_queue(answer(document))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["RequestID", "TaskStatus", "Status", "TaskLastStep", "ExceptionType", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, st.integers(100, 599))
def test_whatever_comes_is_a_report_or_a_call_error(document: object, code: int) -> None:
    outcome: object
    try:
        outcome = read_status(answer(document, code), ID)
    except CallError as error:
        outcome = error
    assert isinstance(outcome, Report | CallError)


@given(st.binary(max_size=200), st.integers(100, 599))
def test_whatever_bytes_come_are_a_report_or_a_call_error(body: bytes, code: int) -> None:
    with pytest.raises(CallError):
        read_status(RawAnswer(code, {}, body), ID)


@given(st.text(min_size=30, max_size=60, alphabet="abcdefghij@. "))
def test_no_text_of_an_answer_survives_the_reading(canary: str) -> None:
    document = status("FAILURE", StatusReason=canary, RequestBody=canary, Message=canary, TaskCurrentStep=canary + " x")
    assert canary not in repr(read_status(answer(document), ID))
