"""The simulator over HTTP, with a real client."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from exporter.errors import CallTimeout, ConnectionFailed, InvalidResponse, StartupError
from exporter.http.place import place
from exporter.leadsquared.network import NetworkTransport
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer
from exporter.simulator.door import Account
from exporter.simulator.options import Options
from exporter.simulator.remote import LARGEST_BODY, Remote
from exporter.simulator.server import SimulatorServer

HEADERS = {"x-api-key": "demo-key"}


@pytest.fixture
async def server() -> AsyncIterator[SimulatorServer]:
    options = Options(queue_service_time=0.0, queue_rate=0.0)
    server = SimulatorServer(Remote(options, 1, accounts=[Account(calls=1000)]))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def session(server: SimulatorServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url, headers=HEADERS) as session:
        yield session


async def submit(session: aiohttp.ClientSession, path: str = "/lead/update", body: bytes = b"[]") -> str:
    async with session.post(path, data=body) as response:
        return str((await response.json())["RequestID"])


async def switch(session: aiohttp.ClientSession, **values: object) -> tuple[int, Any]:
    changes = {name.replace("__", ".").replace("_", "-"): value for name, value in values.items()}
    async with session.post("/simulator/options", json=changes) as response:
        return response.status, await response.json()


async def ask(server: SimulatorServer, request_id: str, timeout: float = 5.0) -> RawAnswer:
    """One poll as the exporter makes it."""
    transport = NetworkTransport()
    try:
        return await transport.get(
            place(server.url), f"/lead/update/status?RequestID={request_id}", headers=HEADERS, timeout=timeout
        )
    finally:
        await transport.close()


async def test_a_request_goes_from_submission_to_success(
    server: SimulatorServer, session: aiohttp.ClientSession
) -> None:
    request_id = await submit(session, "/lead/update?leadId=1", b'[{"Attribute": "a"}]')
    answer = json.loads((await ask(server, request_id)).body)
    assert (answer["RequestID"], answer["TaskStatus"]["Status"]) == (request_id, "Success")
    assert answer["TaskStatus"]["RequestBody"] == '[{"Attribute": "a"}]'


async def test_a_path_with_a_connector_takes_a_call_log(
    server: SimulatorServer, session: aiohttp.ClientSession
) -> None:
    request_id = await submit(session, "/1/api/telephony/logcallcomplete/connector/guid")
    assert server.remote.truth[request_id].api == "call_log"


async def test_a_key_is_taken_from_a_header_of_any_case(server: SimulatorServer) -> None:
    async with (
        aiohttp.ClientSession(server.url) as session,
        session.get("/lead/update/metrics", headers={"X-API-Key": "demo-key"}) as right,
        session.get("/lead/update/metrics") as missing,
    ):
        assert (right.status, missing.status) == (200, 403)
        assert await missing.json() == {"message": "Forbidden"}


async def test_too_large_a_submission_is_refused(session: aiohttp.ClientSession) -> None:
    async with session.post("/lead/update", data=BytesIO(b" " * (LARGEST_BODY + 1))) as response:
        assert (response.status, await response.json()) == (413, {"message": "Request Too Long"})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("fault__reset", ConnectionFailed),
        ("fault__reset_after", ConnectionFailed),
        ("fault__cut", InvalidResponse),
        ("fault__hang", CallTimeout),
    ],
)
async def test_a_fault_of_the_connection_is_really_done_to_it(
    server: SimulatorServer, session: aiohttp.ClientSession, fault: str, error: type[Exception]
) -> None:
    request_id = await submit(session)
    await switch(session, **{fault: 1})
    with pytest.raises(error):
        await ask(server, request_id, timeout=0.1 if fault == "fault__hang" else 5.0)


async def test_the_connection_works_again_after_a_reset(
    server: SimulatorServer, session: aiohttp.ClientSession
) -> None:
    request_id = await submit(session)
    await switch(session, fault__reset=1)
    with pytest.raises(ConnectionFailed):
        await ask(server, request_id)
    await switch(session, fault__reset=0)
    assert (await ask(server, request_id)).code == 200


async def test_a_huge_answer_is_really_sent(server: SimulatorServer, session: aiohttp.ClientSession) -> None:
    await switch(session, fault__huge=1, fault__huge_size=3 * BODY_LIMIT)
    assert len((await ask(server, "x")).body) == BODY_LIMIT + 1
    async with session.get("/lead/update/metrics") as response:
        assert len(await response.read()) == 3 * BODY_LIMIT


async def test_latency_is_really_waited(server: SimulatorServer, session: aiohttp.ClientSession) -> None:
    await switch(session, answer__latency=0.05)
    loop = asyncio.get_running_loop()
    before = loop.time()
    await ask(server, "x")
    # uvloop counts in whole milliseconds.
    assert loop.time() - before >= 0.049


async def test_the_truth_is_told(server: SimulatorServer, session: aiohttp.ClientSession) -> None:
    await ask(server, await submit(session))
    async with session.get("/simulator/truth") as response:
        truth = (await response.json())["demo"]
    assert truth["requests"] == {"lead_update": {"submitted": 1, "pending": 0, "finished": {"success": 1}}}
    assert truth["calls"] == {"status": {"200": 1}, "submit": {"200": 1}}
    assert truth["busiest"] == {"status": 1, "metrics": 0, "submit": 1, "other": 0, "polls": 1, "all": 2}


async def test_requests_are_told_as_a_trace(session: aiohttp.ClientSession) -> None:
    ids = [await submit(session) for _ in range(3)]
    async with session.get("/simulator/requests") as response:
        lines = [json.loads(line) for line in (await response.text()).splitlines()]
    assert [line["request_id"] for line in lines] == ids
    assert set(lines[0]) == {
        "request_id",
        "account",
        "api",
        "submitted",
        "started",
        "finished",
        "status",
        "retries",
    }
    assert 0 <= lines[0]["submitted"] <= lines[0]["started"] <= lines[0]["finished"]


async def test_a_trace_of_many_requests_is_complete(server: SimulatorServer, session: aiohttp.ClientSession) -> None:
    for _ in range(1234):
        server.remote.submit(account="demo", api="lead_update", now=0.0)
    async with session.get("/simulator/requests") as response:
        assert len((await response.text()).splitlines()) == 1234


async def test_switches_are_changed_and_told(session: aiohttp.ClientSession) -> None:
    code, options = await switch(session, queue__service_time="1m", limit__retry_after=True)
    assert (code, options["queue.service-time"], options["limit.retry-after"]) == (200, 60.0, True)
    async with session.get("/simulator/options") as response:
        assert await response.json() == options


async def test_a_wrong_change_names_every_mistake_and_changes_nothing(
    server: SimulatorServer, session: aiohttp.ClientSession
) -> None:
    before = server.remote.options
    code, answer = await switch(session, fault__reset=2, queue__rate=5, nonsense=1)
    assert (code, answer) == (
        400,
        {
            "error": "nothing was changed",
            "details": [
                "fault.reset: must be a probability from 0 to 1, got 2",
                "nonsense: is not a switch of the simulator",
            ],
        },
    )
    assert server.remote.options is before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
async def test_a_change_that_is_no_object_is_refused(session: aiohttp.ClientSession, body: bytes) -> None:
    async with session.post("/simulator/options", data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"].startswith("the body must be a JSON object")


async def test_a_key_is_revoked_and_restored(server: SimulatorServer, session: aiohttp.ClientSession) -> None:
    async with session.post("/simulator/accounts/demo/revoke") as response:
        assert await response.json() == {"account": "demo", "key": "revoked"}
    assert (await ask(server, "x")).code == 403
    async with session.post("/simulator/accounts/demo/restore") as response:
        assert await response.json() == {"account": "demo", "key": "restored"}
    assert (await ask(server, "x")).code == 404


@pytest.mark.parametrize(
    "path", ["accounts/nobody/revoke", "accounts/demo/dance", "accounts/demo", "nonsense", "truth"]
)
async def test_what_the_simulator_can_not_be_told_is_404(session: aiohttp.ClientSession, path: str) -> None:
    async with session.post(f"/simulator/{path}") as response:
        assert response.status == 404


async def test_a_taken_port_is_one_clear_error(server: SimulatorServer) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(StartupError, match=rf"^can't listen on 127\.0\.0\.1:{port}: the port is taken"):
        await SimulatorServer(Remote(), port=port).start()


async def test_a_stopped_server_has_left_its_port_and_stops_a_hanging_answer(
    server: SimulatorServer, session: aiohttp.ClientSession
) -> None:
    await switch(session, fault__hang=1)
    call = asyncio.create_task(ask(server, "x"))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(server.stop(), 5.0)
    with pytest.raises(ConnectionFailed):
        await call
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", int(server.url.rpartition(":")[2])))
