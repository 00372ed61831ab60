"""Which calls are submissions and questions, and which are neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api
from exporter.gateway.recognise import Call, Recogniser, StatusQuestion, Submission
from exporter.leadsquared.endpoints import ENDPOINTS, Endpoint, KnownPath

APIS = {one.name: Api(name=one.name, status_path=one.status_path, metrics_path=None) for one in ENDPOINTS}
ACCOUNT = Account(name="acme", base_url="", api_key=InlineSecret("k"), apis=APIS)


def recognise(method: str, target: str, account: Account) -> Call:
    return Recogniser().recognise(method, target, account)


def account(*apis: Api) -> Account:
    return Account(name="acme", base_url="", api_key=InlineSecret("k"), apis={api.name: api for api in apis})


def question(target: str) -> StatusQuestion:
    found = recognise("GET", target, ACCOUNT)
    assert isinstance(found, StatusQuestion)
    return found


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.name)
def test_each_api_is_known_by_its_paths(endpoint: Endpoint) -> None:
    assert question(f"{endpoint.status_path}?RequestID=r1") == StatusQuestion(
        api=endpoint.name, request_id="r1", max_age=5.0, target=f"{endpoint.status_path}?RequestID=r1"
    )
    assert recognise("POST", f"{endpoint.submit_path}/?accessKey=k", ACCOUNT) == Submission(endpoint.name)


@pytest.mark.parametrize(
    ("endpoint", "known"),
    [pytest.param(one, known, id=known.text) for one in ENDPOINTS for known in one.submit],
)
def test_every_form_that_is_known_is_a_submission_by_default(endpoint: Endpoint, known: KnownPath) -> None:
    target = known.text.replace("*", "2") + "?accessKey=k"
    assert recognise("POST", target, ACCOUNT) == Submission(endpoint.name)
    assert recognise("POST", target, account()) == Submission(endpoint.name), "although the API is not configured"


@pytest.mark.parametrize(
    "target",
    [
        "/v2/leadmanagement.svc/lead.capture",
        "//v2//LeadManagement.svc/Lead.Capture//",
        "/v2/LeadManagement%2Esvc/Lead.%43apture/?accessKey=k",
        "/V2/LEADMANAGEMENT.SVC/LEAD.CAPTURE",
    ],
)
def test_the_way_in_which_a_path_is_written_makes_no_difference(target: str) -> None:
    assert recognise("POST", target, ACCOUNT) == Submission("lead_capture")


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("POST", "/1/api/telephony/logcallcomplete/connector/guid", Submission("call_log")),
        ("POST", "/1/api/telephony/logcallcomplete", Submission("call_log")),
        ("POST", "/Lead/Update", Submission("lead_update")),
        ("GET", "/lead/update", None),
        ("PUT", "/lead/update", Submission("lead_update")),
        ("PATCH", "/lead/update", Submission("lead_update")),
        ("DELETE", "/lead/update", None),
        ("OPTIONS", "/lead/update", None),
        ("POST", "/2/api/telephony/logcallcomplete/connector/guid?xapikey=k", Submission("call_log")),
        ("POST", "/1/api/telephony/logcallcomplete/a/b/c", None),
        ("POST", "/1/2/api/telephony/logcallcomplete/a", None),
        ("POST", "/lead%2Fupdate", None),
        ("POST", "/v2/LeadManagement.svc/Lead.Captures", None),
        ("POST", "/lead/updates", None),
        ("POST", "/lead/update/status?RequestID=r1", None),
        ("PUT", "/lead/update/status?RequestID=r1", None),
        ("GET", "/lead/update/status", None),
        ("GET", "/lead/update/status?RequestID=", None),
        ("GET", "/lead/update/metrics?RequestID=r1", None),
        ("GET", "/", None),
    ],
)
def test_only_calls_that_fit_in_every_way_are_known(method: str, target: str, expected: Call) -> None:
    assert recognise(method, target, ACCOUNT) == expected


@pytest.mark.parametrize(
    ("query", "max_age"),
    [
        ("max_age=0", 0.0),
        ("MAX_AGE=2.5", 2.5),
        ("max%5Fage=0", 0.0),
        ("%6dax%5fAGE=2", 2.0),
        ("max_age=1m30s", 90.0),
        ("max_age=0s", 0.0),
        ("max_age=", None),
        ("max_age=-1", None),
        ("max_age=soon", None),
        ("max_age=1e9", None),
    ],
)
def test_a_max_age_is_seconds_or_a_duration_and_stays_here(query: str, max_age: float | None) -> None:
    found = question(f"/lead/update/status?a=%20&{query}&requestid=r%2d1&&b")
    assert (found.max_age, found.request_id) == (max_age, "r-1")
    assert found.target == "/lead/update/status?a=%20&requestid=r%2d1&&b"


def test_configured_paths_and_parameters_count() -> None:
    api = Api(name="lead_update", status_path="/lead/status", metrics_path=None, request_id_param="Id")
    acme = account(api)
    assert recognise("GET", "/lead/update/status?RequestID=r1", acme) is None
    found = recognise("GET", "/lead//status/?Id=r1", acme)
    assert isinstance(found, StatusQuestion)
    assert found.api == "lead_update"


def test_submit_paths_of_the_configuration_stand_in_place_of_the_known_ones() -> None:
    paths = ("/own/*/update", "/lead/capture")
    acme = account(Api(name="lead_update", status_path="/s", metrics_path=None, submit_paths=paths))
    found = [recognise("POST", path, acme) for path in ("/own/x/update", "/lead/update", "/lead/capture", "/v2/a")]
    assert found == [Submission("lead_update"), None, Submission("lead_update"), None]


def test_a_path_that_is_written_out_goes_before_a_pattern() -> None:
    acme = account(
        Api(name="lead_update", status_path="/s", metrics_path=None, submit_paths=("/lead/*",)),
        Api(name="lead_capture", status_path="/t", metrics_path=None, submit_paths=("/lead/new",)),
    )
    assert recognise("POST", "/lead/new", acme) == Submission("lead_capture")
    assert recognise("POST", "/lead/old", acme) == Submission("lead_update")


def test_a_recogniser_follows_the_account() -> None:
    one = Recogniser()
    former = Api(name="lead_update", status_path="/s", metrics_path=None, submit_paths=("/former",))
    assert one.recognise("POST", "/former", account(former)) == Submission("lead_update")
    assert one.recognise("POST", "/former", ACCOUNT) is None


@given(st.text(), st.sampled_from(["GET", "POST", "PUT", "HEAD"]))
def test_anything_can_be_asked_whether_it_is_known(target: str, method: str) -> None:
    recognise(method, f"/{target}", ACCOUNT)
