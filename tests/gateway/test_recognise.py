"""Which calls are submissions and questions, and which are neither."""

import pytest

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api
from exporter.gateway.recognise import Call, StatusQuestion, Submission, recognise
from exporter.leadsquared.endpoints import ENDPOINTS, Endpoint

APIS = {one.name: Api(name=one.name, status_path=one.status_path, metrics_path=None) for one in ENDPOINTS}
ACCOUNT = Account(name="acme", base_url="", api_key=InlineSecret("k"), apis=APIS)


def question(target: str) -> StatusQuestion:
    found = recognise("GET", target, ACCOUNT)
    assert isinstance(found, StatusQuestion)
    return found


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.name)
def test_each_api_is_known_by_its_paths(endpoint: Endpoint) -> None:
    assert question(f"{endpoint.status_path}?RequestID=r1") == StatusQuestion(
        api=endpoint.name, request_id="r1", max_age=5.0, target=f"{endpoint.status_path}?RequestID=r1"
    )
    if endpoint.name != "call_log":
        assert recognise("POST", f"{endpoint.submit_path}/?accessKey=k", ACCOUNT) == Submission(endpoint.name)


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("POST", "/1/api/telephony/logcallcomplete/connector/guid", Submission("call_log")),
        ("POST", "/1/api/telephony/logcallcomplete", Submission("call_log")),
        ("POST", "/Lead/Update", Submission("lead_update")),
        ("GET", "/lead/update", None),
        ("PUT", "/lead/update", None),
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
    account = Account(name="acme", base_url="", api_key=InlineSecret("k"), apis={"lead_update": api})
    assert recognise("GET", "/lead/update/status?RequestID=r1", account) is None
    found = recognise("GET", "/lead/status?Id=r1", account)
    assert isinstance(found, StatusQuestion)
    assert found.api == "lead_update"
