"""The seven APIs as callers see them."""

import json

import pytest

from exporter.leadsquared.endpoints import ENDPOINTS, Endpoint
from exporter.simulator.door import Account
from exporter.simulator.options import Options
from exporter.simulator.remote import LARGEST_BODY, Remote
from tests.simulator.caller import Caller, given

apis = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)


@apis
def test_a_submission_is_accepted_with_a_request_id(endpoint: Endpoint, caller: Caller) -> None:
    path = endpoint.submit_path + ("/connector/guid" if endpoint.name == "call_log" else "")
    reply = caller.call("POST", path, 0.0)
    answer = json.loads(reply.body)
    assert (reply.code, list(answer)) == (200, ["Status", "RequestID"])
    assert answer["Status"] == "Request accepted. Please use below request id to check the status"
    assert [len(part) for part in answer["RequestID"].split("-")] == [8, 4, 4, 4, 12]


@pytest.mark.parametrize(
    "path",
    [known.text.replace("*", "2") for one in ENDPOINTS for known in one.submit if not known.text.endswith("complete")],
)
def test_every_path_that_is_known_for_submissions_takes_one(path: str, caller: Caller) -> None:
    assert "RequestID" in json.loads(caller.call("POST", path, 0.0).body)


def test_a_key_may_be_in_the_query_as_connectors_have_it(caller: Caller) -> None:
    reply = caller.remote.handle(
        method="POST",
        path="/2/api/telephony/logcallcomplete/connector/guid",
        query={"xapikey": caller.key},
        headers={},
        body=b"{}",
        now=0.0,
    )
    assert reply.code == 200


@apis
def test_a_finished_request_has_the_documented_answer(endpoint: Endpoint, caller: Caller) -> None:
    body = b'[\r\n {\r\n "Attribute": "mx_City",\r\n "Value": "Pune"\r\n }\r\n]\n'
    request_id = caller.submit(0.0, endpoint.name, body)
    document = caller.document(request_id, 1.0, endpoint.name)
    assert list(document) == [endpoint.id_key, "TaskStatus"]
    assert document[endpoint.id_key] == request_id
    message = json.loads(document["TaskStatus"].pop("Message"))
    assert message["Status"] == "Success"
    assert document["TaskStatus"] == {
        "TaskType": endpoint.task_type,
        "Status": "Success",
        "StatusReason": "Request was successfully completed",
        "TaskCurrentStep": None,
        "TaskLastStep": "In-Process-Queue",
        "RequestBody": body.decode(),
    }


def test_an_updated_lead_tells_the_affected_rows(caller: Caller) -> None:
    message = caller.task(caller.submit(0.0), 1.0)["Message"]
    assert message == '{"Status":"Success","Message":{"AffectedRows":1}}'


@apis
def test_the_queue_metrics_have_the_documented_keys(endpoint: Endpoint, caller: Caller) -> None:
    answer = json.loads(caller.call("GET", endpoint.metrics_path, 0.0).body)
    assert list(answer) == ["PendingMessages", "MaxDelayInSeconds", endpoint.metrics_rate_key]


def test_steps_tell_waiting_from_being_processed() -> None:
    caller = given(10.0, 10.0)
    running, waiting = caller.submit(0.0), caller.submit(0.0)
    steps = ("Status", "StatusReason", "TaskCurrentStep", "TaskLastStep", "Message")
    assert [caller.task(running, 1.0)[step] for step in steps] == [
        "In-Queue",
        "Request is being processed",
        "In-Process-Queue",
        "In-Process-Queue",
        None,
    ]
    assert [caller.task(waiting, 1.0)[step] for step in steps] == [
        "In-Queue",
        "Request is in queue",
        "In-Process-Queue",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("variant", "code", "body"),
    [
        ("null", 200, '{"RequestID": "none", "TaskStatus": null}'),
        ("not-found", 404, "MXRequestNotFoundException"),
        ("bad-request", 400, "MXInvalidInputException"),
        ("server-error", 500, "MXInvalidInputException"),
        ("envelope", 200, "MXInvalidInputException"),
    ],
)
def test_an_unknown_id_is_answered_as_the_switch_says(variant: str, code: int, body: str) -> None:
    caller = given(id_unknown=variant)
    reply = caller.poll("none", 0.0)
    answer = json.loads(reply.body)
    assert reply.code == code
    if variant == "null":
        assert reply.body.decode() == body
    else:
        assert (answer["Status"], answer["ExceptionType"]) == ("Error", body)
        assert answer["ExceptionMessage"] == "Request Id none not found"


def test_an_id_is_known_to_its_own_account_and_api_only() -> None:
    remote = Remote(accounts=[Account(name="a", key="ka"), Account(name="b", key="kb")])
    request_id = Caller(remote, "ka").submit(0.0)
    assert Caller(remote, "ka").poll(request_id, 1.0).code == 200
    assert Caller(remote, "ka").poll(request_id, 1.0, "lead_capture").code == 404
    assert Caller(remote, "kb").poll(request_id, 1.0).code == 404


def test_an_id_is_known_from_its_first_visibility_to_the_end_of_its_retention() -> None:
    caller = given(10.0, id_visible_after=2.0, id_retention=5.0)
    request_id = caller.submit(0.0)
    assert [caller.poll(request_id, now).code for now in (1.9, 2.0, 14.9, 15.0)] == [404, 200, 200, 404]


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        ("RequestID", ["RequestID", "TaskStatus"]),
        ("RequestId", ["RequestId", "TaskStatus"]),
        ("requestid", ["requestid", "TaskStatus"]),
        ("missing", ["TaskStatus"]),
    ],
)
def test_the_id_is_spelled_as_the_switch_says(form: str, keys: list[str]) -> None:
    caller = given(id_key=form)
    assert list(caller.document(caller.submit(0.0), 0.0)) == keys


def test_another_query_parameter_can_be_asked_for() -> None:
    caller = given(id_param="requestId")
    request_id = caller.submit(0.0)
    assert caller.poll(request_id, 0.0).code == 400
    assert caller.call("GET", "/lead/update/status", 0.0, {"requestId": request_id}).code == 200


@pytest.mark.parametrize(("case", "status"), [("documented", "Success"), ("upper", "SUCCESS"), ("lower", "success")])
def test_a_status_has_the_case_of_the_switch(case: str, status: str) -> None:
    caller = given(answer_status_case=case)
    assert caller.status(caller.submit(0.0), 1.0) == status


def test_message_and_body_can_be_objects_or_null() -> None:
    as_object = given(answer_message="object")
    task = as_object.task(as_object.submit(0.0, body=b'[{"Attribute": "a"}]'), 1.0)
    assert (task["Message"], task["RequestBody"]) == (
        {"Status": "Success", "Message": {"AffectedRows": 1}},
        [{"Attribute": "a"}],
    )
    assert as_object.task(as_object.submit(1.0, body=b"no json"), 9.0)["RequestBody"] == "no json"
    as_null = given(answer_message="null")
    task = as_null.task(as_null.submit(0.0), 1.0)
    assert (task["Message"], task["RequestBody"]) == (None, None)


def test_the_parts_of_a_status_can_be_null_or_missing() -> None:
    nulls, missing = given(answer_parts="null"), given(answer_parts="missing")
    assert nulls.task(nulls.submit(0.0), 1.0) == {
        "TaskType": "Lead Update",
        "Status": "Success",
        "StatusReason": None,
        "TaskCurrentStep": None,
        "TaskLastStep": None,
        "RequestBody": None,
        "Message": None,
    }
    assert missing.task(missing.submit(0.0), 1.0) == {"TaskType": "Lead Update", "Status": "Success"}


def test_a_missing_or_unknown_key_is_refused_by_the_gateway() -> None:
    remote = Remote()
    reply = remote.handle(method="GET", path="/lead/update/status", query={}, headers={}, body=b"", now=0.0)
    assert (reply.code, reply.body) == (403, b'{"message": "Forbidden"}')
    assert Caller(remote, "wrong").poll("x", 0.0) == reply


def test_an_account_of_another_region_is_told_the_right_host() -> None:
    remote = Remote(accounts=[Account(wrong_region=True)])
    reply = Caller(remote).poll("x", 0.0)
    assert reply.code == 401
    assert "another region" in json.loads(reply.body)["ExceptionMessage"]


def test_a_key_is_revoked_and_restored_while_running(caller: Caller) -> None:
    request_id = caller.submit(0.0)
    caller.remote.revoke("demo")
    assert caller.poll(request_id, 1.0).code == 403
    caller.remote.revoke("demo", 401)
    assert caller.poll(request_id, 1.0).code == 401
    caller.remote.restore("demo")
    assert caller.poll(request_id, 1.0).code == 200


def test_a_changed_key_takes_the_place_of_the_old_one(caller: Caller) -> None:
    caller.remote.change(Account(key="new-key"))
    assert caller.poll("x", 0.0).code == 403
    assert Caller(caller.remote, "new-key").poll("x", 0.0).code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("POST", "/lead/update/status"),
        ("GET", "/lead/update"),
        ("POST", "/1/api/telephony/logcallcomplete"),
        ("POST", "/1/api/telephony/logcallcomplete/"),
        ("POST", "/1/api/telephony/logcallcomplete/connector/guid/more"),
    ],
)
def test_an_unknown_route_is_answered_as_the_switch_says(method: str, path: str) -> None:
    assert given().call(method, path, 0.0).code == 404
    reply = given(answer_unknown_route="forbidden").call(method, path, 0.0)
    assert (reply.code, reply.body) == (403, b'{"message": "Missing Authentication Token"}')


def test_secrets_are_asked_of_submissions_only_and_taken_from_query_or_headers() -> None:
    caller = given(submit_secrets=True)
    assert caller.call("POST", "/lead/update", 0.0).code == 401
    assert caller.call("POST", "/lead/update", 0.0, {"accessKey": "a", "secretKey": "s"}).code == 200
    caller.secrets = {"x-lsq-accesskey": "a", "x-lsq-secretkey": "s"}
    assert caller.call("POST", "/lead/update", 0.0).code == 200
    caller.secrets = {}
    assert caller.call("GET", "/lead/update/metrics", 0.0).code == 200


def test_a_submission_over_ten_megabytes_is_too_long(caller: Caller) -> None:
    reply = caller.call("POST", "/lead/update", 0.0, body=b" " * (LARGEST_BODY + 1))
    assert (reply.code, reply.body, caller.remote.truth) == (413, b'{"message": "Request Too Long"}', {})


def test_time_never_runs_backwards_inside(caller: Caller) -> None:
    request_id = caller.submit(100.0)
    caller.poll(request_id, 50.0)
    assert [call.time for call in caller.remote.log] == [100.0, 100.0]


def test_latency_is_part_of_the_reply_and_repeatable() -> None:
    def delays(seed: int) -> list[float]:
        caller = Caller(Remote(Options(answer_latency=0.1, answer_jitter=0.05), seed))
        return [caller.call("GET", "/lead/update/metrics", 0.0).delay for _ in range(20)]

    assert delays(1) == delays(1) != delays(2)
    assert min(delays(1)) >= 0.1
    assert len(set(delays(1))) == 20
