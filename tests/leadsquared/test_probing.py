"""What is asked about the paths of an account, and what an answer tells."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api
from exporter.errors import RateLimited, Unauthorized
from exporter.leadsquared.endpoints import ENDPOINTS
from exporter.leadsquared.probing import (
    METRICS,
    NOBODYS,
    STATUS,
    Finding,
    Question,
    Verdict,
    configuration,
    judge,
    questions,
)
from exporter.leadsquared.transport import RawAnswer

ACME = Account(
    name="acme",
    base_url="",
    api_key=InlineSecret("k"),
    apis={"call_log": Api(name="call_log", status_path="/own", metrics_path=None, request_id_param="Id")},
)
LEAD = Question(
    kind=STATUS, path="/lead/status", apis=("lead_update", "lead_capture"), parameter="RequestID", request_id="r"
)
UPDATE = Question(kind=STATUS, path="/lead/update/status", apis=("lead_update",), parameter="RequestID", request_id="r")
FIGURES = Question(kind=METRICS, path="/lead/update/metrics", apis=("lead_update",))


def status(task: object, request_id: str = "r") -> RawAnswer:
    return RawAnswer(200, {}, json.dumps({"RequestId": request_id, "TaskStatus": task}).encode())


def told(question: Question, answer: RawAnswer) -> tuple[Verdict, str, str | None]:
    found = judge(question, answer)
    return found.verdict, found.text, found.api


def test_each_path_is_asked_once_and_the_configured_ones_first() -> None:
    asked = questions(ACME, [])
    assert [one.path for one in asked if one.kind == STATUS][:2] == ["/own", "/1/api/telephony/logcallcomplete/status"]
    assert len({(one.kind, one.path) for one in asked}) == len(asked) == 18
    known = {path.text for one in ENDPOINTS for path in (*one.status, *one.metrics)}
    assert {one.path for one in asked} == known | {"/own"}
    assert asked[0].params == {"Id": NOBODYS}
    (shared,) = (one for one in asked if one.path == "/lead/status")
    assert (shared.apis, shared.params) == (("lead_update", "lead_capture"), {"RequestID": NOBODYS})


def test_each_request_id_is_asked_about_at_each_status_path() -> None:
    asked = questions(ACME, ["a", "b"])
    assert [one.request_id for one in asked if one.path == "/lead/status"] == ["a", "b"]
    assert sum(one.kind == METRICS for one in asked) == 8


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        (LEAD, status({"TaskType": "Lead Capture"}), (Verdict.WORKS, "200: a status of lead_capture", "lead_capture")),
        (
            UPDATE,
            status({"TaskType": "S3CRET"}),
            (Verdict.WORKS, "200: a status of an API that it does not name", "lead_update"),
        ),
        (LEAD, status({}), (Verdict.WORKS, "200: a status of an API that it does not name", None)),
        (
            UPDATE,
            status(None),
            (Verdict.MAY_WORK, "200: a status answer that does not know the RequestID", "lead_update"),
        ),
        (UPDATE, status({}, "S3CRET"), (Verdict.UNKNOWN, "200: a status answer about another RequestID", None)),
        (UPDATE, RawAnswer(200, {}, b"<S3CRET>"), (Verdict.UNKNOWN, "200: a body of 8 bytes that is not JSON", None)),
        (
            UPDATE,
            RawAnswer(404, {}, b'{"Message": "S3CRET"}'),
            (Verdict.UNKNOWN, "404: not found, for want of the path or of the RequestID", None),
        ),
        (
            UPDATE,
            RawAnswer(403, {}, b'{"message": "Missing Authentication Token"}'),
            (Verdict.UNKNOWN, "403: forbidden, for want of the path or of a right of the key", None),
        ),
        (UPDATE, RawAnswer(502, {}, b"S3CRET"), (Verdict.UNKNOWN, "502: server error", None)),
        (FIGURES, RawAnswer(200, {}, b'{"PendingMessages": 1}'), (Verdict.WORKS, "200: queue metrics", "lead_update")),
        (
            FIGURES,
            RawAnswer(200, {}, b'{"S3CRET": 1}'),
            (Verdict.UNKNOWN, "200: a queue metrics answer without figures", None),
        ),
    ],
)
def test_an_answer_is_told_by_its_code_and_shape(
    question: Question, answer: RawAnswer, expected: tuple[Verdict, str, str | None]
) -> None:
    assert told(question, answer) == expected


@pytest.mark.parametrize(("code", "error"), [(401, Unauthorized), (429, RateLimited)])
def test_what_is_about_all_paths_is_no_finding(code: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        judge(LEAD, RawAnswer(code, {}, b""))


@given(st.sampled_from([LEAD, UPDATE, FIGURES]), st.integers(100, 599), st.binary())
def test_any_answer_is_judged(question: Question, code: int, body: bytes) -> None:
    with suppress(RateLimited, Unauthorized):
        judge(question, RawAnswer(code, {}, body))


def found(question: Question, verdict: Verdict, api: str) -> Finding:
    return Finding(question=question, verdict=verdict, text="", api=api)


def test_the_configuration_has_what_works_best_and_else_what_was_asked_first() -> None:
    other = Question(kind=STATUS, path="/o'ther", apis=("lead_update",), parameter="Id", request_id="r")
    findings = [
        found(UPDATE, Verdict.MAY_WORK, "lead_update"),
        found(other, Verdict.WORKS, "lead_update"),
        found(LEAD, Verdict.WORKS, "lead_update"),
        found(FIGURES, Verdict.WORKS, "lead_update"),
        found(LEAD, Verdict.MAY_WORK, "lead_capture"),
    ]
    assert configuration("acme", findings) == [
        "accounts:",
        "  - name: acme",
        "    apis:",
        "      lead_update:",
        '        status_path: "/o\'ther"',
        "        metrics_path: /lead/update/metrics",
        '        request_id_param: "Id"',
        "      lead_capture:",
        "        status_path: /lead/status    # it did not know the RequestID",
        "        metrics_path: null    # none that is known answers with figures",
    ]


def test_where_nothing_works_there_is_no_configuration() -> None:
    assert configuration("acme", [Finding(question=LEAD, verdict=Verdict.UNKNOWN, text="")]) == []
