"""Submissions and status questions that the configuration does not know: counted, told once, and how to know them."""

import gzip
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from exporter import log
from exporter.config.load import load
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api
from exporter.gateway.finding import Finding, Kind
from exporter.gateway.recognise import Recogniser, StatusQuestion, Submission
from exporter.gateway.unknown import MOST, Unknown
from exporter.leadsquared.endpoints import ENDPOINTS
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer
from tests.gateway.stage import ACCEPTED, BODY, REQUEST_ID, Seen, Stage, answer, request, staged
from tests.sources.twins import NOW

DEFAULTS = {
    one.name: Api(name=one.name, status_path=one.status_path, metrics_path=one.metrics_path) for one in ENDPOINTS
}
ACME = Account(name="acme", base_url="", api_key=InlineSecret("k"), apis={"lead_update": DEFAULTS["lead_update"]})
PATH = "/v3/LeadManagement.svc/Lead.Capture"
STATUS = {
    "RequestId": REQUEST_ID,
    "TaskStatus": {"TaskType": "Lead Capture", "Status": "In-Queue", "RequestBody": "HIDDEN", "Message": None},
}


def status_answer(**changes: object) -> bytes:
    return json.dumps({**STATUS, **changes}).encode()


def good(body: bytes = BODY, code: int = 200) -> RawAnswer:
    return RawAnswer(code, {}, body)


def accept(_: Seen) -> list[bytes]:
    return [answer(BODY)]


def told(output: io.StringIO) -> list[str]:
    """The lines about what is not known, from their level on."""
    lines = [line.partition(" level=")[2] for line in output.getvalue().splitlines()]
    return [re.sub(" caller=[^ ]*", "", line) for line in lines if "gateway listens" not in line]


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(level="debug", form="logfmt", stream=stream)
    yield stream
    log.configure(level="warn", form="logfmt")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(accept) as stage:
        stage.traffic.account = replace(stage.traffic.account, apis=ACME.apis)
        yield stage


@pytest.mark.parametrize(
    "target",
    [
        "/v2/LeadManagement.svc/Lead.Update?accessKey=k&secretKey=s",
        "/v2/LeadManagement.svc/Lead.Capture?accessKey=k",
        "/2/api/telephony/logcallcomplete/k3y/9b9e5c0e-6c2e-4b35-9d5e-2f7c9e1a0001?xapikey=k",
    ],
)
async def test_the_forms_that_public_integrations_use_are_watched(target: str) -> None:
    async with staged(accept) as stage:
        assert (await stage.ask(request("POST", target, "x-api-key: k"))).body == BODY
    assert (stage.intake.ids, stage.meter.unrecorded) == ([REQUEST_ID], 0)


async def test_a_submission_to_an_unknown_path_is_counted_each_time_and_told_once(
    stage: Stage, output: io.StringIO
) -> None:
    for key in ("k3y", "0th3r"):
        target = f"{PATH}/{key}?accessKey=HIDDEN"
        assert (await stage.ask(request("POST", target, body=b"HIDDEN"))).body == BODY
    assert (stage.intake.ids, stage.meter.unrecorded) == ([], 2)
    assert stage.health.story[-1] == "gateway refused 1: no submit_paths of the account names the path"
    assert stage.traffic.story == ["200", "good"] * 2
    assert told(output) == [
        'warn msg="submissions that no submit_paths names pass the gateway and are not watched" '
        f'problem={PATH}/… account=acme configuration="apis: {{lead_update: {{}}, lead_capture: {{submit_paths: '
        f'[/lead/capture, /v2/LeadManagement.svc/Lead.Capture, {PATH}/*]}}}}"'
    ]
    (finding,) = stage.unknown.findings("acme")
    assert (finding.kind, finding.what, finding.count, finding.last) == (Kind.PATH, f"{PATH}/…", 2, NOW)


async def test_an_api_that_is_not_configured_is_told_once_by_name(stage: Stage, output: io.StringIO) -> None:
    for _ in range(2):
        assert (await stage.ask(request("POST", "/opportunity/capture"))).body == BODY
    assert (stage.intake.ids, stage.meter.unrecorded) == ([], 2)
    assert told(output) == [
        'warn msg="submissions to an API that the account\'s apis lack pass the gateway and are not watched" '
        'problem=opportunity_capture account=acme configuration="apis: {lead_update: {}, opportunity_capture: {}}"'
    ]
    assert [(one.kind, one.what, one.count) for one in stage.unknown.findings("acme")] == [
        (Kind.API, "opportunity_capture", 2)
    ]


async def test_a_status_answer_teaches_the_status_path_of_its_api(stage: Stage, output: io.StringIO) -> None:
    stage.vendor.script = lambda _: [answer(status_answer())]
    for _ in range(2):
        await stage.ask(request("GET", f"/lead/capture/status?requestid={REQUEST_ID}&accessKey=HIDDEN", body=b""))
    assert stage.meter.unrecorded == 0
    assert told(output) == [
        'info msg="the application asks for statuses where no status_path does" path=/lead/capture/status account=acme '
        'configuration="apis: {lead_update: {}, lead_capture: {status_path: /lead/capture/status}}"'
    ]


@pytest.mark.parametrize(
    "given",
    [
        answer(BODY, chunked=True),
        answer(BODY, length=False),
        answer(gzip.compress(BODY), "Content-Encoding: gzip"),
        answer(BODY.replace(b"RequestID", b"requestId"), status="202 Accepted"),
    ],
)
async def test_an_answer_is_looked_at_however_it_is_sent(stage: Stage, given: bytes) -> None:
    stage.vendor.script = lambda _: [given]
    stage.vendor.hang_up = True
    await stage.ask(request("POST", PATH))
    assert stage.meter.unrecorded == 1


@pytest.mark.parametrize(
    "given",
    [
        answer(BODY, status="400 Bad Request"),
        answer(BODY, status="302 Found"),
        answer(b'{"RequestID": "r", "ExceptionType": "MXError", "ExceptionMessage": "no"}'),
        answer(b'{"Status": "Success", "Message": {"Id": "r"}}'),
        answer(b'{"RequestID": null}'),
        answer(b'{"RequestID": "not an id"}'),
        answer(b'{"RequestID": "r", "TaskStatus": null}'),
        answer(b'[{"RequestID": "r"}]'),
        answer(b"RequestID"),
        answer(b"\x1f\x8b RequestID", "Content-Encoding: gzip"),
        answer(b"\x1f\x8b RequestID", "Content-Encoding: unheard-of"),
        answer(BODY + b" " * 65536),
        answer(BODY + b" " * BODY_LIMIT, chunked=True),
        answer(b"[" * 60_000 + b"RequestID"),
        answer(),
    ],
)
async def test_whatever_else_passes_is_no_submission(stage: Stage, output: io.StringIO, given: bytes) -> None:
    stage.vendor.script = lambda _: [given]
    await stage.ask(request("POST", PATH))
    assert (stage.meter.unrecorded, stage.unknown.findings("acme"), told(output)) == (0, (), [])


@pytest.mark.parametrize(
    "target", [f"/any/status?Id={REQUEST_ID.upper()}", f"/any/status/{REQUEST_ID}", f"/any?x=%37{REQUEST_ID[1:]}"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_names_the_request_id_asks_about_it(target: str, method: str) -> None:
    unknown = Unknown(now=lambda: NOW)
    assert not unknown.passed(ACME, method, target, good())
    assert unknown.findings("acme") == ()


def test_a_call_that_submits_by_another_method_is_counted_and_no_line_is_given() -> None:
    unknown = Unknown(now=lambda: NOW)
    assert unknown.passed(ACME, "GET", "/lead/update?a=b", good())
    assert unknown.passed(ACME, "BREW", "/lead/update", good())
    assert [one.what for one in unknown.findings("acme")] == ["GET /lead/update", "… /lead/update"]
    assert unknown.line("acme") == ""


def test_the_parameter_that_asked_is_taught_too_unless_it_is_the_known_one() -> None:
    unknown = Unknown(now=lambda: NOW)
    unknown.passed(ACME, "GET", f"/lead/update/state?Reference={REQUEST_ID}", good(_update()))
    assert unknown.line("acme") == (
        "apis: {lead_update: {status_path: /lead/update/state, request_id_param: Reference}}"
    )
    unknown.passed(ACME, "GET", f"/lead/update/task?q9={REQUEST_ID}", good(_update()))
    assert [one.parameter for one in unknown.findings("acme")] == ["Reference", "RequestID"]


def _update() -> bytes:
    return status_answer(TaskStatus={"TaskType": "LEAD update"})


def test_an_api_that_nothing_tells_is_left_to_the_operator() -> None:
    unknown = Unknown(now=lambda: NOW)
    unknown.passed(ACME, "POST", "/own/proxy", good())
    assert unknown.line("acme") == "apis: {lead_update: {}, NAME: {submit_paths: [/own/proxy]}}"


@pytest.mark.parametrize("path", ["/" + "a1" * 600, "/a1b2c3/d4e5f6", "/x" * 13])
def test_a_path_of_keys_alone_gets_no_line(path: str) -> None:
    unknown = Unknown(now=lambda: NOW)
    assert unknown.passed(ACME, "POST", path, good())
    assert unknown.line("acme") == ""


def test_once_all_apis_are_missed_one_word_is_the_line() -> None:
    unknown = Unknown(now=lambda: NOW)
    for endpoint in ENDPOINTS[1:]:
        unknown.unconfigured(ACME, endpoint.name)
    assert unknown.line("acme") == "apis: all"


def test_only_so_many_paths_are_remembered_and_told(output: io.StringIO) -> None:
    unknown = Unknown(now=lambda: NOW)
    words = [f"/{first}a{second}u" for first in "bcdfghjklmnp" for second in "bcdfghjklmnp"]
    counted = sum(unknown.passed(ACME, "POST", path, good()) for path in words)
    assert (counted, len(unknown.findings("acme"))) == (144, MOST)
    assert len(told(output)) == MOST + 1
    assert told(output)[-1] == (
        'warn msg="more paths that the configuration does not know than are told" account=acme told=50'
    )


def test_other_apis_settle_what_was_found_and_other_settings_do_not() -> None:
    unknown = Unknown(now=lambda: NOW)
    globex = replace(ACME, name="globex")
    unknown.passed(ACME, "POST", "/own/proxy", good())
    unknown.passed(globex, "POST", "/own/proxy", good())
    unknown.reconfigure([replace(ACME, base_url="other", apis=dict(ACME.apis)), replace(globex, apis=DEFAULTS)])
    assert (len(unknown.findings("acme")), unknown.findings("globex")) == (1, ())
    unknown.reconfigure([])
    assert unknown.findings("acme") == ()


CONFIGURATION = """\
accounts:
  - name: acme
    region: us
    api_key_env: KEY
    rate_limit: {plan: pro}
"""


@pytest.mark.parametrize(
    "apis",
    [
        "",
        "    apis: {lead_update: {metrics_path: null, submit_paths: ['/a,b/{x}', /lead/*]}}\n",
        '    apis: {lead_capture: {request_id_param: id}, call_log: {status_path: "/s\'"}}\n',
    ],
)
def test_the_line_as_it_is_told_settles_what_was_found_and_keeps_what_was_configured(apis: str, tmp_path: Path) -> None:
    before = _account(tmp_path, apis)
    unknown = Unknown(now=lambda: NOW)
    unknown.passed(before, "POST", f"{PATH}/K3Y", good())
    unknown.passed(before, "POST", "/v3/activity/own-create", good())
    unknown.unconfigured(before, "opportunity_update")
    unknown.passed(before, "GET", f"/lead/capture/state?RequestID={REQUEST_ID}", good(status_answer()))

    after = _account(tmp_path, f"    {unknown.line('acme')}\n")
    recogniser = Recogniser()
    assert recogniser.recognise("POST", f"{PATH}/0th3r", after) == Submission("lead_capture")
    assert recogniser.recognise("POST", "/v3/activity/own-create", after) == Submission("activity_create")
    assert recogniser.recognise("POST", "/v2/ProspectActivity.svc/Create", after) == Submission("activity_create")
    question = recogniser.recognise("GET", f"/lead/capture/state?RequestID={REQUEST_ID}&id=1", after)
    assert isinstance(question, StatusQuestion)
    assert "opportunity_update" in after.apis
    for name, api in before.apis.items():
        kept = replace(after.apis[name], submit_paths=api.submit_paths)
        assert kept in (api, replace(api, status_path="/lead/capture/state"))
        assert set(api.submit_paths) <= set(after.apis[name].submit_paths)


def _account(folder: Path, apis: str) -> Account:
    (folder / "config.yaml").write_text(f"{CONFIGURATION}{apis}sources: [{{type: push}}]\n")
    (account,) = load(folder / "config.yaml", environment={"KEY": "k"}).accounts
    return account


def test_a_finding_is_a_value_without_a_query_or_a_key() -> None:
    unknown = Unknown(now=lambda: NOW)
    unknown.passed(ACME, "POST", "/own/K3Y?secretKey=K3Y", good(ACCEPTED % b"0TH3R"))
    assert unknown.findings("acme") == (
        Finding(kind=Kind.PATH, what="/own/…", segments=("own", "…"), count=1, last=NOW),
    )
