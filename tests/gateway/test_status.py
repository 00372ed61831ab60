"""Status questions that the gateway answers itself."""

import json

import pytest

from exporter.core.request import Cause, Progress, Record, State, Status
from exporter.leadsquared.answer import read_status
from exporter.leadsquared.endpoints import BY_NAME, ENDPOINTS, Endpoint
from exporter.leadsquared.transport import RawAnswer
from tests.gateway.stage import REQUEST_ID, Answer, Seen, Stage, answer, request, staged
from tests.sources.twins import NOW

SUCCESS = Record(
    request_id=REQUEST_ID,
    account="acme",
    api="lead_update",
    source="gateway",
    submitted=NOW - 100.0,
    first_seen=NOW - 100.0,
    sequence=1,
    state=State.FINISHED,
    progress=Progress(Status.SUCCESS, "none", "in_process_queue"),
    answered=NOW - 62.7,
    finished=NOW - 62.7,
)
PENDING = SUCCESS._replace(
    state=State.PENDING,
    progress=Progress(Status.IN_QUEUE, "in_process_queue", "none"),
    answered=NOW - 4.9,
    finished=None,
)


def asked(_: Seen) -> list[bytes]:
    return [answer(b"LeadSquared's")]


async def ask(stage: Stage, *, query: str = "", api: str = "lead_update") -> Answer:
    path = BY_NAME[api].status_path
    return await stage.ask(request("GET", f"{path}?RequestID={REQUEST_ID}{query}", body=b""))


async def test_a_final_answer_is_served_in_the_documented_shape_with_its_age() -> None:
    async with staged(asked) as stage:
        stage.traffic.records[REQUEST_ID] = SUCCESS
        found = await ask(stage)
    assert (found.status, found.values("age"), found.values("content-type")) == (
        200,
        ["62"],
        ["application/json; charset=utf-8"],
    )
    assert json.loads(found.body) == {
        "RequestID": REQUEST_ID,
        "TaskStatus": {
            "TaskType": "Lead Update",
            "Status": "Success",
            "StatusReason": "Request was successfully completed",
            "TaskCurrentStep": None,
            "TaskLastStep": "In-Process-Queue",
            "RequestBody": None,
            "Message": None,
        },
    }
    assert (stage.vendor.seen, stage.traffic.story, stage.meter.cached) == ([], [], 1)


@pytest.mark.parametrize(
    ("record", "query", "served"),
    [
        (PENDING, "", True),
        (PENDING._replace(answered=NOW - 5.1), "", False),
        (PENDING._replace(answered=NOW - 5.1), "&max_age=6", True),
        (PENDING, "&max_age=1s", False),
        (SUCCESS, "&max_age=1", True),
        (SUCCESS, "&max_age=0", False),
        (PENDING, "&max_age=0", False),
        (PENDING._replace(not_found=1), "", False),
        (PENDING._replace(progress=Progress(Status.OTHER, "none", "none")), "", False),
        (PENDING._replace(progress=Progress(Status.IN_QUEUE, "other", "none")), "", False),
        (PENDING._replace(progress=Progress(Status.ERROR, "none", "none")), "", True),
        (SUCCESS._replace(api="lead_capture"), "", False),
        (None, "", False),
    ],
)
async def test_leadsquared_is_asked_unless_the_answer_is_final_or_young_enough(
    record: Record | None, query: str, served: bool
) -> None:
    async with staged(asked) as stage:
        if record is not None:
            stage.traffic.records[REQUEST_ID] = record
        found = await ask(stage, query=query)
    assert (found.body != b"LeadSquared's") == served
    assert len(stage.vendor.seen) == stage.traffic.story.count("200") == (not served)
    assert [seen.line for seen in stage.vendor.seen if "max_age" in seen.line] == []


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.name)
@pytest.mark.parametrize("status", [Status.IN_QUEUE, Status.SUCCESS, Status.FAILURE, Status.ERROR])
async def test_what_is_served_says_what_was_heard(endpoint: Endpoint, status: Status) -> None:
    progress = Progress(status, "some_unlisted_step", "in_process_queue")
    reason = "MXDuplicateEntryException" if status in (Status.FAILURE, Status.ERROR) else None
    async with staged(asked) as stage:
        stage.traffic.records[REQUEST_ID] = SUCCESS._replace(api=endpoint.name, progress=progress, reason=reason)
        found = await ask(stage, api=endpoint.name)
    document = json.loads(found.body)
    assert (next(iter(document)), document["TaskStatus"]["TaskType"]) == (endpoint.id_key, endpoint.task_type)
    report = read_status(RawAnswer(200, {}, found.body), REQUEST_ID)
    assert (Progress(report.status, report.current_step, report.last_step), report.reason) == (progress, reason)


async def test_an_unfit_max_age_is_400() -> None:
    async with staged(asked) as stage:
        found = await ask(stage, query="&max_age=soon")
    assert (found.status, json.loads(found.body)["error"]) == (
        400,
        "max_age: must be a number of seconds or a duration, such as 5 or 1m",
    )
    assert stage.vendor.seen == []


async def test_an_abandoned_request_is_asked_about() -> None:
    async with staged(asked) as stage:
        stage.traffic.records[REQUEST_ID] = PENDING._replace(state=State.ABANDONED, cause=Cause.REMOVED)
        assert (await ask(stage, query="&max_age=1")).body == b"LeadSquared's"


async def test_head_is_answered_as_get_is_but_for_the_content() -> None:
    question = request("HEAD", f"/lead/update/status?RequestID={REQUEST_ID}", body=b"")
    async with staged(lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"]) as stage:
        found = await stage.ask(question, method="HEAD")
        assert (found.status, found.values("content-length"), found.values("age")) == (200, ["400"], [])
        stage.traffic.records[REQUEST_ID] = SUCCESS
        full = await ask(stage)
        found = await stage.ask(question, method="HEAD")
    assert (found.values("age"), found.values("content-length")) == (["62"], [str(len(full.body))])
    # An answer without its content shows no status, and is no error.
    assert (stage.traffic.heard_of, stage.traffic.story, len(stage.vendor.seen)) == ([], ["200", "good"], 1)
