import asyncio
import gzip
import json
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.typedefs import Handler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from exporter.config.secret import FileSecret
from exporter.core.request import Cause, Progress, State, Status, Transition
from exporter.errors import IntakeFull, StoreUnavailable, UnknownAccount
from exporter.web import api
from exporter.web.application import build
from exporter.web.listen import Listeners
from exporter.web.names import Names
from tests.web.twins import IN_QUEUE, NOW, MemoryBackend, finished, push

PATH = "/api/v1/requests"
JSON = {"Content-Type": "application/json"}


async def post(client: ClientSession, content: Any, **headers: str) -> ClientResponse:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return await client.post(PATH, data=BytesIO(body), headers={**JSON, **headers})


async def error(response: ClientResponse, status: int) -> list[str]:
    """The error and its details, after a check that the answer is one."""
    assert response.status == status
    assert response.content_type == "application/json"
    content = await response.json()
    assert set(content) == {"error", "details"}
    return [content["error"], *content["details"]]


async def test_a_group_is_taken_in_and_counted(client: ClientSession, backend: MemoryBackend) -> None:
    response = await post(client, {"request_ids": ["a", {"request_id": "b", "submitted_at": "2026-01-31T12:00:00Z"}]})
    assert response.status == 202
    assert await response.json() == {"accepted": 2, "known": 0}
    assert backend.records["b"].submitted == 1769860800.0
    assert await (await post(client, [{"request_ids": ["b", "c"]}])).json() == {"accepted": 1, "known": 1}
    assert await (await post(client, [])).json() == {"accepted": 0, "known": 0}


async def test_the_names_of_the_source_are_used(client: ClientSession, backend: MemoryBackend) -> None:
    backend.configured = {"acme": ["lead_update"], "beta": ["call_log"]}
    backend.pushes = [push(account="beta", name="push-7")]
    assert (await post(client, {"request_ids": ["a"]})).status == 202
    record = backend.records["a"]
    assert (record.account, record.api, record.source) == ("beta", "call_log", "push-7")


async def test_one_mistake_keeps_everything_out(client: ClientSession, backend: MemoryBackend) -> None:
    response = await post(client, [{"request_ids": ["a"]}, {"request_ids": ["b c"], "acount": "x"}])
    assert await error(response, 400) == [
        "nothing was taken in: 2 mistakes",
        "[1].acount: unknown key; allowed: request_ids, account, api",
        "[1].request_ids[0]: must be 1 to 128 characters of A-Z a-z 0-9 . _ -, got a text of 3 characters",
    ]
    assert backend.records == {}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not JSON: line 1, column 1: Expecting value"),
        (b'{"request_ids": ["a"', "not JSON: line 1, column 21: Expecting ',' delimiter"),
        (b'{"request_ids": ["\xe9"]}', "not UTF-8: byte 19 can't be read"),
    ],
)
async def test_a_body_that_is_no_json_is_refused_with_its_place(client: ClientSession, body: bytes, told: str) -> None:
    assert await error(await post(client, body), 400) == [told]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_only_json_is_taken(client: ClientSession, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = await client.post(PATH, data=b"[]", headers=headers, skip_auto_headers=("Content-Type",))
    assert await error(response, 415) == ["the body must be JSON, with the header Content-Type: application/json"]


async def test_compressed_bodies_and_other_charsets_are_refused(client: ClientSession) -> None:
    packed = await post(client, gzip.compress(b"[]"), **{"Content-Encoding": "gzip"})
    assert await error(packed, 415) == ["the body must not be compressed"]
    latin = await client.post(PATH, data=b"[]", headers={"Content-Type": "application/json; charset=latin-1"})
    assert await error(latin, 415) == ["the body must be UTF-8"]


async def test_a_body_of_8_mib_is_taken_and_one_byte_more_is_not(client: ClientSession, backend: MemoryBackend) -> None:
    most = 8 * 1024 * 1024
    body = b'{"request_ids": ["a"]}'
    assert (await post(client, body.ljust(most))).status == 202
    refused = await post(client, body.ljust(most + 1))
    assert await error(refused, 413) == [f"the body must not have more than {most} bytes; split it"]


async def test_a_large_body_is_checked_as_a_small_one(client: ClientSession, backend: MemoryBackend) -> None:
    ids = [f"request-{number:06}" for number in range(10_000)]
    assert await (await post(client, {"request_ids": ids})).json() == {"accepted": 10_000, "known": 0}
    told = await error(await post(client, {"request_ids": [*ids, "a b"]}), 400)
    assert told[1].startswith("request_ids[10000]: ")


@pytest.mark.parametrize(
    ("trouble", "status", "told"),
    [
        (IntakeFull("10 requests are pending"), 503, ["10 requests are pending"]),
        (StoreUnavailable("disk full"), 503, ["the store can't be written now; nothing was taken in"]),
        (UnknownAccount("not taken in", ["no account 'acme'"]), 400, ["not taken in", "no account 'acme'"]),
    ],
)
async def test_trouble_of_the_intake_is_told(
    client: ClientSession, backend: MemoryBackend, trouble: Exception, status: int, told: list[str]
) -> None:
    backend.trouble = trouble
    response = await post(client, {"request_ids": ["a"]})
    assert await error(response, status) == told
    assert response.headers.get("Retry-After") == ("5" if status == 503 else None)


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (b"{", {}, "not JSON: line 1, column 2: Expecting property name enclosed in double quotes"),
        (
            b'{"request_ids": ["a b"]}',
            {},
            "nothing was taken in: 1 mistake; "
            "request_ids[0]: must be 1 to 128 characters of A-Z a-z 0-9 . _ -, got a text of 3 characters",
        ),
        (
            b'{"request_ids": ["a"], "account": "nobody"}',
            {},
            "nothing was taken in: 1 mistake; account: must be one of acme",
        ),
        (
            b'{"request_ids": ["a"], "api": "other"}',
            {},
            "nothing was taken in: 1 mistake; api: must be one of lead_update",
        ),
        (b"[]", {"Content-Encoding": "gzip"}, "the body must not be compressed"),
        (
            b" " * (8 * 1024 * 1024 + 1),
            {},
            "the body must not have more than 8388608 bytes; split it",
        ),
    ],
)
async def test_a_body_that_does_not_fit_is_an_error_of_its_source_and_no_outage(
    client: ClientSession, backend: MemoryBackend, body: bytes, headers: dict[str, str], told: str
) -> None:
    assert (await post(client, body, **headers)).status in (400, 413, 415)
    assert backend.health.story == [f"push refused 1: {told}"]


async def test_a_source_is_down_from_a_full_intake_or_store_trouble_to_the_next_taken_in(
    client: ClientSession, backend: MemoryBackend
) -> None:
    backend.pushes = [push(name="orders")]
    for backend.trouble in (IntakeFull("full"), StoreUnavailable("locked"), None):
        await post(client, b"{")
        await post(client, [])
        await post(client, {"request_ids": ["a"]})
    bad = "orders refused 1: not JSON: line 1, column 2: Expecting property name enclosed in double quotes"
    assert backend.health.story == [bad, "orders down: full", bad, "orders down: locked", bad, "orders up"]


async def test_a_caller_is_asked_to_try_again_while_its_token_can_not_be_read(
    client: ClientSession, backend: MemoryBackend, tmp_path: Path
) -> None:
    backend.pushes = [replace(push(), token=FileSecret(tmp_path / "token"))]
    response = await post(client, {"request_ids": ["a"]}, Authorization="Bearer s3cret")
    assert response.headers["Retry-After"] == "5"
    assert await error(response, 503) == ["the token can't be read now; ask again"]
    (tmp_path / "token").write_text("s3cret\n")
    assert (await post(client, {"request_ids": ["a"]}, Authorization="Bearer s3cret")).status == 202
    assert backend.health.story == [f"push-0 down: {tmp_path / 'token'}: there is no such file", "push-0 up"]


async def test_who_may_not_write_leaves_no_trace_in_the_state_of_a_source(
    client: ClientSession, backend: MemoryBackend
) -> None:
    backend.pushes = [push("s3cret")]
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer s3cret", "Origin": "http://evil"}):
        assert (await post(client, b"{", **headers)).status == 401
    assert backend.health.story == []


async def test_writing_needs_the_token_when_there_is_one(client: ClientSession, backend: MemoryBackend) -> None:
    backend.pushes = [push(), push("s3cret", name="push-1")]
    refused = await post(client, {"request_ids": ["a"]})
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    assert await error(refused, 401) == [
        "writing needs the header Authorization: Bearer TOKEN with the token of the push source"
    ]
    assert (await post(client, {"request_ids": ["a"]}, Authorization="Bearer wrong")).status == 401
    assert (await client.delete(f"{PATH}/a")).status == 401
    assert (await post(client, {"request_ids": ["a"]}, Authorization="Bearer s3cret")).status == 202
    assert backend.records["a"].source == "push-1"
    assert (await client.get(f"{PATH}/a")).status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("Forwarded", "for=203.0.113.9"),
        ("X-Real-IP", "127.0.0.1"),
        ("Via", "1.1 proxy"),
        ("x-forwarded-host", "exporter.example"),
    ],
)
async def test_what_came_through_a_proxy_needs_a_token(
    client: ClientSession, backend: MemoryBackend, name: str, value: str
) -> None:
    backend.add("a")
    told = "a call that came through a proxy needs a token; give the push source a token_file"
    assert await error(await post(client, {"request_ids": ["b"]}, **{name: value}), 401) == [told]
    assert await error(await client.delete(f"{PATH}/a", headers={name: value}), 401) == [told]
    backend.pushes = [push("s3cret")]
    headers = {name: value, "Authorization": "Bearer s3cret"}
    assert (await post(client, {"request_ids": ["b"]}, **headers)).status == 202


@pytest.mark.parametrize(
    ("sent", "length"),
    [
        (b"[", b"Content-Length: 100"),
        (b"5\r\n[", b"Transfer-Encoding: chunked"),
        (b"1\r\n[xx\r\n", b"Transfer-Encoding: chunked"),
        (b"zz\r\n[", b"Transfer-Encoding: chunked"),
    ],
    ids=["a length", "a chunk", "a broken chunk", "a broken size"],
)
@pytest.mark.parametrize("way", ["close", "reset", "half"])
async def test_a_caller_that_goes_away_within_its_body_is_no_defect(
    client: ClientSession,
    backend: MemoryBackend,
    caplog: pytest.LogCaptureFixture,
    sent: bytes,
    length: bytes,
    way: str,
) -> None:
    url = (await client.get("/-/healthy")).url
    head = b"POST /api/v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for pause in (0.0, 0.01):
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(head + length + b"\r\n\r\n" + sent)
        await asyncio.sleep(pause)
        if way == "reset":
            connected = writer.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif way == "half":
            writer.write_eof()
        await asyncio.sleep(0.01)
        writer.close()
    assert (await client.get("/-/healthy")).status == 200
    assert [record for record in caplog.records if record.name.startswith("exporter")] == []
    assert backend.health.story == []


async def test_what_a_proxy_says_of_its_client_is_not_believed(client: ClientSession, backend: MemoryBackend) -> None:
    backend.pushes = [push("s3cret")]
    response = await post(client, {"request_ids": ["a"]}, **{"X-Forwarded-For": "127.0.0.1"})
    assert response.status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 401),
        ({"Origin": "null"}, 401),
        ({"Origin": "http://[broken"}, 401),
        ({"Sec-Fetch-Site": "cross-site"}, 401),
        ({"Origin": "http://evil.example:10040", "Host": "evil.example:10040"}, 401),
        ({"Origin": "http://localhost:10040", "Host": "localhost:10040", "Sec-Fetch-Site": "same-origin"}, 202),
        ({"Origin": "http://127.0.0.1:1", "Host": "127.0.0.1:1"}, 202),
        ({"Origin": "http://[broken", "Host": "[broken"}, 400),
        ({"Origin": "http://a]b", "Host": "a]b"}, 400),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "same-origin", "Host": "evil.example"}, 401),
        ({"Sec-Fetch-Site": "none", "Host": "evil.example"}, 401),
        ({"Host": "evil.example:10040"}, 401),
        ({"Host": "[broken"}, 400),
        ({"Host": ""}, 401),
        ({"Host": "10.1.2.3"}, 401),
        ({"Host": "localhost"}, 202),
        ({"Host": "LOCALHOST:1"}, 202),
        ({"Host": "[::1]:10040"}, 202),
        ({"Host": socket.gethostname()}, 202),
    ],
)
async def test_pages_of_other_sites_can_not_write(client: ClientSession, headers: dict[str, str], status: int) -> None:
    assert (await post(client, {"request_ids": ["a"]}, **headers)).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 202),
        ({"Host": "leadsquared-exporter:10040"}, 202),
        ({"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}, 401),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 401),
        ({"Host": "10.1.2.3:10040", "Origin": "http://10.1.2.3:10040"}, 202),
        ({"Host": "localhost:10040", "Origin": "http://localhost:10041"}, 401),
    ],
)
async def test_with_a_token_programs_may_use_any_name_and_pages_none_that_can_be_led_here(
    client: ClientSession, backend: MemoryBackend, headers: dict[str, str], status: int
) -> None:
    backend.pushes = [push("s3cret")]
    response = await post(client, {"request_ids": ["a"]}, Authorization="Bearer s3cret", **headers)
    assert response.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "exporter.example", "Origin": "https://exporter.example"}, 202),
        ({"Host": "127.0.0.1:10040", "Origin": "https://exporter.example"}, 202),
        ({"Host": "evil.example", "Origin": "https://exporter.example"}, 401),
        ({"Host": "127.0.0.1:10040", "Origin": "https://exporter.example:8443"}, 401),
        ({"Host": "exporter.internal"}, 202),
        ({"Host": "0.0.0.0"}, 401),
    ],
)
async def test_the_names_that_the_operator_gives_are_known(
    backend: MemoryBackend, headers: dict[str, str], status: int
) -> None:
    names = Names(
        listen=["exporter.internal:10040", ":10040", "[::]:1", "0.0.0.0:1"],
        external_url="https://exporter.example/leadsquared",
    )
    application = build(backend, telemetry_path="/metrics", enable_lifecycle=True, names=names)
    listeners = Listeners(application, ["127.0.0.1:0"])
    (url,) = await listeners.start()
    async with ClientSession(url) as client:
        assert (await post(client, {"request_ids": ["a"]}, **headers)).status == status
    await listeners.stop()


async def test_another_machine_can_not_write_without_a_token(backend: MemoryBackend) -> None:
    application = build(backend, telemetry_path="/metrics", enable_lifecycle=False)
    backend.add("a")

    @web.middleware
    async def from_afar(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request.clone(remote="192.0.2.7"))

    application.middlewares.insert(0, from_afar)
    listeners = Listeners(application, ["127.0.0.1:0"])
    (url,) = await listeners.start()
    async with ClientSession(url) as client:
        told = "writing is allowed from the loopback interface only; give the push source a token_file to allow it from elsewhere"
        assert await error(await post(client, {"request_ids": ["b"]}), 401) == [told]
        assert await error(await client.delete(f"{PATH}/a"), 401) == [told]
        assert (await client.get(f"{PATH}/a")).status == 200
        backend.pushes = [push("s3cret")]
        assert (await post(client, {"request_ids": ["b"]}, Authorization="Bearer s3cret")).status == 202
    await listeners.stop()


async def test_a_body_that_does_not_come_is_not_waited_for(
    client: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "BODY_SECONDS", 0.05)

    async def dripping() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.sleep(1)

    response = await client.post(PATH, data=dripping(), headers=JSON)
    assert await error(response, 400) == ["the body did not arrive within 0 s"]


async def test_one_request_is_shown_with_its_bounds_and_transitions(
    client: ClientSession, backend: MemoryBackend
) -> None:
    backend.add("a", submitted=NOW - 60.0, change=finished)
    done = Progress(Status.SUCCESS, "none", "in_process_queue")
    backend.transitions["a"] = (Transition(NOW - 30.0, IN_QUEUE), Transition(NOW, done))
    assert await (await client.get(f"{PATH}/a")).json() == {
        "request_id": "a",
        "reference": None,
        "account": "acme",
        "api": "lead_update",
        "source": "push",
        "state": "finished",
        "status": "success",
        "current_step": "none",
        "last_step": "in_process_queue",
        "reason": None,
        "cause": None,
        "polls": 4,
        "submitted_at": "2026-02-02T02:39:00.000Z",
        "first_seen_at": "2026-02-02T02:40:00.000Z",
        "finished_after": "2026-02-02T02:39:50.000Z",
        "finished_at": "2026-02-02T02:40:00.000Z",
        "abandoned_at": None,
        "duration_seconds": {"lower": 50.0, "upper": 60.0},
        "transitions": [
            {"time": "2026-02-02T02:39:30.000Z", "status": "in_queue", "current_step": "queued", "last_step": "none"},
            {
                "time": "2026-02-02T02:40:00.000Z",
                "status": "success",
                "current_step": "none",
                "last_step": "in_process_queue",
            },
        ],
    }


async def test_a_request_of_unknown_submission_has_no_duration(client: ClientSession, backend: MemoryBackend) -> None:
    backend.add("a", change=finished)
    shown = await (await client.get(f"{PATH}/a")).json()
    assert shown["submitted_at"] is None
    assert shown["duration_seconds"] is None


@pytest.mark.parametrize("request_id", ["unknown", "a%20b", "%00", "x" * 129, "a%2Fb"])
async def test_a_request_that_nobody_knows_is_not_found(client: ClientSession, request_id: str) -> None:
    url = URL(f"{PATH}/{request_id}", encoded=True)
    told = await error(await client.get(url), 404)
    assert told in (["no such request"], ["no such path"])
    assert (await client.delete(url)).status == 404


async def test_a_request_is_removed_once(client: ClientSession, backend: MemoryBackend) -> None:
    backend.add("a", submitted=NOW - 60.0)
    response = await client.delete(f"{PATH}/a")
    assert response.status == 200
    assert await response.json() == {"request_id": "a", "state": "abandoned"}
    assert backend.records["a"].cause is Cause.REMOVED
    assert await error(await client.delete(f"{PATH}/a"), 409) == ["the request has ended already"]
    shown = await (await client.get(f"{PATH}/a")).json()
    assert (shown["state"], shown["cause"], shown["finished_at"]) == ("abandoned", "removed", None)
    assert shown["abandoned_at"] == "2026-02-02T02:40:00.000Z"
    assert shown["duration_seconds"] is None


async def listed(client: ClientSession, query: str = "") -> list[str]:
    response = await client.get(f"{PATH}{query}")
    assert response.status == 200
    return [one["request_id"] for one in (await response.json())["requests"]]


async def test_the_list_is_filtered(client: ClientSession, backend: MemoryBackend) -> None:
    backend.add("old", submitted=NOW - 1801.0)
    backend.add("new", submitted=NOW - 1799.0)
    backend.add("done", submitted=NOW - 5000.0, change=finished)
    backend.add("bad", account="beta", change=lambda record: record._replace(reason="MXException"))
    backend.add("gone", api="call_log", change=lambda record: record._replace(state=State.ABANDONED))
    assert await listed(client) == ["gone", "bad", "done", "new", "old"]
    assert await listed(client, "?account=beta") == ["bad"]
    assert await listed(client, "?api=call_log") == ["gone"]
    assert await listed(client, "?status=success") == ["done"]
    assert await listed(client, "?state=pending") == ["bad", "new", "old"]
    assert await listed(client, "?state=finished&account=acme") == ["done"]
    assert await listed(client, "?state=abandoned") == ["gone"]
    assert await listed(client, "?state=stuck") == ["old"]
    assert await listed(client, "?reason=MXException") == ["bad"]
    assert await listed(client, "?q=ol&account=") == ["old"]


async def test_pages_follow_each_other_without_a_gap(client: ClientSession, backend: MemoryBackend) -> None:
    for number in range(5):
        backend.add(f"r{number}")
    pages, cursor = [], ""
    while True:
        content = await (await client.get(f"{PATH}?limit=2{cursor}")).json()
        pages.append([one["request_id"] for one in content["requests"]])
        if content["next_cursor"] is None:
            break
        cursor = f"&cursor={content['next_cursor']}"
    assert pages == [["r4", "r3"], ["r2", "r1"], ["r0"]]
    assert (await (await client.get(f"{PATH}?limit=5")).json())["next_cursor"] is None


async def test_the_list_shows_a_hundred_unless_told_otherwise(client: ClientSession, backend: MemoryBackend) -> None:
    for number in range(101):
        backend.add(f"r{number}")
    assert len(await listed(client)) == 100
    assert len(await listed(client, "?limit=1000")) == 101


async def test_a_reference_is_taken_in_shown_and_searched_where_references_are_allowed(
    client: ClientSession, backend: MemoryBackend
) -> None:
    group = {"request_ids": [{"request_id": "a", "reference": "shop:2026/81#2"}, "b"]}
    rule = "is refused unless references: true stands in the configuration"
    assert await error(await post(client, group), 400) == [
        "nothing was taken in: 1 mistake",
        f"request_ids[0].reference: {rule}",
    ]
    backend.references = True
    assert (await post(client, group)).status == 202
    assert (await (await client.get(f"{PATH}/a")).json())["reference"] == "shop:2026/81#2"
    for q in ("shop:2026/81%232", "shop:"):
        assert await listed(client, f"?q={q}") == ["a"]
    assert await listed(client, "?q=b") == ["b"]


async def test_every_unfit_parameter_is_named(client: ClientSession) -> None:
    query = "?sate=x&limit=0&limit=1&cursor=-1&status=Success&state=done&q=a%20b&account=a%00"
    assert await error(await client.get(f"{PATH}{query}"), 400) == [
        "the query does not fit",
        "sate: unknown parameter; allowed: q, account, api, status, reason, state, limit, cursor",
        "limit: given more than once",
        "q: must be a RequestID, a reference or the beginning of one (1 to 128 characters of A-Z a-z 0-9 . _ : / # -), or a text "
        "with a RequestID in it",
        "account: must be a name of at most 128 characters",
        "status: must be one of unknown, in_queue, success, failure, error, other",
        "state: must be one of pending, finished, abandoned, stuck",
        "limit: must be an integer from 1 to 1000",
        "cursor: must be the next_cursor of an earlier answer",
    ]


@pytest.mark.parametrize("limit", ["1001", "-1", "1.5", "ten", "9" * 5000])
async def test_a_limit_out_of_bounds_is_refused(client: ClientSession, limit: str) -> None:
    assert (await client.get(f"{PATH}?limit={limit}")).status == 400


async def test_a_store_that_can_not_be_read_is_told(client: ClientSession, backend: MemoryBackend) -> None:
    backend.trouble = StoreUnavailable("/secret/path: disk full")
    for path in (PATH, f"{PATH}/a"):
        response = await client.get(path)
        assert response.headers["Retry-After"] == "5"
        assert await error(response, 503) == ["the store can't be read now"]


async def test_a_removal_that_can_not_be_stored_is_told(client: ClientSession, backend: MemoryBackend) -> None:
    backend.trouble = StoreUnavailable("/secret/path: disk full")
    response = await client.delete(f"{PATH}/a")
    assert response.headers["Retry-After"] == "5"
    assert await error(response, 503) == ["the store can't be written now; ask again"]


@given(
    st.binary(max_size=300) | st.recursive(st.text() | st.none(), st.lists).map(lambda tree: json.dumps(tree).encode())
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_body_is_answered_with_500(client: ClientSession, body: bytes) -> None:
    response = await post(client, body)
    assert response.status in (202, 400)
    await response.read()
