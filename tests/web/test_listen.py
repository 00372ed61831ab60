import asyncio
import json
import socket
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import pytest
from aiohttp import ClientError, ClientSession, web
from yarl import URL

from exporter.errors import StartupError
from exporter.http import reception
from exporter.http.room import Room
from exporter.web import listen, protocol
from exporter.web.application import build
from exporter.web.listen import Listeners
from exporter.web.security import Security
from tests.certificates import self_signed
from tests.web.twins import MemoryBackend


def listeners(*addresses: str) -> Listeners:
    return Listeners(build(MemoryBackend(), telemetry_path="/metrics", enable_lifecycle=False), addresses)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def status(url: str) -> int:
    async with ClientSession() as client, client.get(f"{url}/-/healthy") as response:
        return response.status


async def test_several_addresses_are_served_and_told() -> None:
    server = listeners("127.0.0.1:0", "localhost:0", ":0")
    urls = await server.start()
    assert len({*urls}) == 3
    assert all(url.startswith("http://127.0.0.1:") for url in urls)
    assert [await status(url) for url in urls] == [200, 200, 200]
    await server.stop()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_ipv6_is_served() -> None:
    server = listeners("[::1]:0", ":0")
    urls = await server.start()
    assert urls[0].startswith("http://[::1]:")
    assert await status(urls[0]) == 200
    assert await status(urls[1].replace("127.0.0.1", "[::1]")) == 200
    await server.stop()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["", "[::]", "[::0]", "[0:0:0:0:0:0:0:0]"])
async def test_all_interfaces_are_those_of_both_families(host: str) -> None:
    server = listeners(f"{host}:0")
    (url,) = await server.start()
    assert url.startswith("http://127.0.0.1:")
    assert [await status(one) for one in (url, url.replace("127.0.0.1", "[::1]"))] == [200, 200]
    await server.stop()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_where_all_interfaces_are_those_of_ipv6_alone_the_url_is_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    server = listeners("[::]:0")
    (url,) = await server.start()
    assert url.startswith("http://[::1]:")
    assert await status(url) == 200
    await server.stop()


async def test_a_taken_port_is_told_in_one_line_and_nothing_stays_open() -> None:
    first = listeners("127.0.0.1:0")
    (url,) = await first.start()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    taken = url.removeprefix("http://")
    with pytest.raises(StartupError) as caught:
        await listeners(f"127.0.0.1:{free}", taken).start()
    assert str(caught.value) == (
        f"--web.listen-address: {taken}: the port is taken; stop what listens there, or choose another one"
    )
    await first.stop()
    again = listeners(f"127.0.0.1:{free}", taken)
    await again.start()
    await again.stop()


@pytest.mark.parametrize("address", ["", "10040", "::1:10040", "localhost", ":x", ":70000", "127.0.0.1:-1", ":٣"])
async def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(StartupError) as caught:
        await listeners(address).start()
    assert str(caught.value) == (
        f"--web.listen-address: {address}: must be HOST:PORT such as :10040, 127.0.0.1:10040 or [::1]:10040"
    )


async def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(
        StartupError, match=r"^--web.listen-address: 192\.0\.2\.1:0: this machine does not have the address$"
    ):
        await listeners("192.0.2.1:0").start()


async def test_stopping_waits_for_no_handler_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "STOP_SECONDS", 0.6)
    entered = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    application = web.Application()
    application.router.add_get("/", hang)
    server = Listeners(application, ["127.0.0.1:0"])
    (url,) = await server.start()
    async with ClientSession() as client:
        asking = asyncio.ensure_future(client.get(url))
        await entered.wait()
        began = perf_counter()
        await server.stop()
        assert perf_counter() - began < 2.0
        with pytest.raises(ClientError):
            await asking


async def raw_answer(url: str, request: bytes) -> tuple[bytes, bytes]:
    """What a bare connection gets: the head and the body."""
    reader, writer = await asyncio.open_connection(URL(url).host, URL(url).port)
    writer.write(request)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        (b"FOO /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 405, "no such method"),
        (b"\x16\x03\x01\x02\x00", 405, "no such method"),
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400, "not HTTP"),
        (b"GET /metrics HTTP/9\r\nHost: a\r\n\r\n", 400, "not HTTP"),
        (b"GET /" + 9000 * b"a" + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not HTTP"),
    ],
    ids=["unknown method", "TLS", "bad header", "bad version", "long line"],
)
async def test_what_can_not_be_parsed_gets_a_json_error_that_does_not_quote_it(
    request_: bytes, status: int, error: str
) -> None:
    one = listeners("127.0.0.1:0")
    (url,) = await one.start()
    head, body = await raw_answer(url, request_)
    await one.stop()
    details = ["allowed: DELETE, GET, HEAD, POST, PUT"] if status == 405 else []
    assert head.startswith(f"HTTP/1.0 {status} ".encode())
    assert (b"\r\nAllow: DELETE, GET, HEAD, POST, PUT" in head) == (status == 405)
    assert b"\r\nContent-Type: application/json; charset=utf-8" in head
    assert b"\r\nX-Content-Type-Options: nosniff" in head
    assert b"\r\nServer: leadsquared-exporter" in head
    assert b"aiohttp" not in head
    assert json.loads(body) == {"error": error, "details": details}


async def test_a_connection_ends_with_the_answer_to_a_wish_for_another_protocol() -> None:
    """What came behind it in one piece is forgotten by the parser, and would wait for ever."""
    wish = b"POST /metrics HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n[]"
    one = listeners("127.0.0.1:0")
    (url,) = await one.start()
    async with asyncio.timeout(5.0):
        head, _ = await raw_answer(url, wish + b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    await one.stop()
    assert b"\r\nConnection: close" in head


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "FIRST_BYTE_SECONDS", 0.1)
    monkeypatch.setattr(protocol, "KEEP_ALIVE_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 0.2)
    monkeypatch.setattr(reception, "_SWEEP_SECONDS", 0.02)


@pytest.mark.parametrize("sent", [b"", b"GET /", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"])
async def test_a_connection_that_nothing_whole_comes_over_is_closed(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    one = listeners("127.0.0.1:0")
    (url,) = await one.start()
    async with asyncio.timeout(5.0):
        head, _ = await raw_answer(url, sent)
    await one.stop()
    assert head.startswith(b"HTTP/1.1 200") == sent.endswith(b"\r\n\r\n")


async def test_a_handshake_that_does_not_begin_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    path = self_signed(tmp_path)
    (tmp_path / "web.yaml").write_text(f"tls_server_config: {{cert_file: {path}, key_file: {path}}}\n")
    security = Security(tmp_path / "web.yaml")
    application = build(MemoryBackend(), telemetry_path="/metrics", enable_lifecycle=False, security=security)
    one = Listeners(application, ["127.0.0.1:0"], security=security)
    (url,) = await one.start()
    async with asyncio.timeout(5.0):
        assert await raw_answer(url, b"") == (b"", b"")
    await one.stop()


async def test_who_reads_no_answer_holds_its_connection_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def long(_: web.Request) -> web.Response:
        return web.Response(body=bytes(30_000_000))

    hurry(monkeypatch)
    application = web.Application()
    application.router.add_get("/", long)
    room = Room()
    one = Listeners(application, ["127.0.0.1:0"], room=room)
    (url,) = await one.start()
    reader, writer = await asyncio.open_connection(URL(url).host, URL(url).port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readline()
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(0.6)
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    read = 0
    with suppress(ConnectionError):
        while part := await asyncio.wait_for(reader.read(1_000_000), 5.0):
            read += len(part)
    writer.close()
    await one.stop()
    assert read < 30_000_000


async def test_a_crowd_takes_no_place_from_a_scrape() -> None:
    one = Listeners(
        build(MemoryBackend(), telemetry_path="/metrics", enable_lifecycle=False), ["127.0.0.1:0"], room=Room(16)
    )
    (url,) = await one.start()
    crowd = [await asyncio.open_connection(URL(url).host, URL(url).port) for _ in range(40)]
    assert await status(url) == 200
    ended = sum([await _has_ended(reader) for reader, _ in crowd])
    for _, writer in crowd:
        writer.close()
    await one.stop()
    assert ended >= 32


async def _has_ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 0.01) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
