"""Calls, and the connections that they share."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence

import pytest

from exporter.http import client as module
from exporter.http import dial
from exporter.http.client import Client
from exporter.http.connection import Patience
from exporter.http.place import place
from exporter.http.trouble import (
    HttpTrouble,
    MalformedError,
    NoConnectionError,
    PatienceError,
    ServerDisconnectedError,
    UploadBrokenError,
)
from tests.http.stage import PATIENCE, ask, called, calling, eventually, listening, whole

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def answered(_: int) -> list[bytes]:
    return [OK]


async def test_a_call_is_sent_as_it_is_and_its_answer_comes_back_with_fields_as_they_were() -> None:
    told = b"HTTP/1.1 200 Fine \xe9\r\nX-b: 1\r\nx-B: two \r\nContent-Length: 2\r\n\r\nhi"
    async with called(lambda _: [told]) as (client, remote):
        answer, body = await ask(client, remote.place)
    assert remote.heads == [b"GET /a?b=c HTTP/1.1\r\nHost: %b\r\n\r\n" % remote.url[7:].encode()]
    assert (answer.status, answer.reason, body) == (200, b"Fine \xe9", b"hi")
    assert [one for one in answer.fields if one[0] != b"Content-Length"] == [(b"X-b", b"1"), (b"x-B", b"two ")]
    assert answer.values(b"x-b") == [b"1", b"two"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.example", b"a.example"),
        ("http://A.example:80", b"a.example"),
        ("https://a.example:443", b"a.example"),
        ("https://a.example:8443", b"a.example:8443"),
        ("http://[::1]:8080", b"[::1]:8080"),
    ],
)
def test_the_host_is_told_with_its_port_where_that_is_not_the_usual_one(url: str, host: bytes) -> None:
    assert place(url).head("GET", "/", b"").split(b"\r\n")[1] == b"Host: " + host


async def test_a_connection_is_kept_for_the_next_call_to_its_place() -> None:
    async with called(answered) as (client, remote), called(answered) as (_, other):
        for _ in range(3):
            await ask(client, remote.place)
        await ask(client, other.place)
        await asyncio.gather(*(ask(client, remote.place) for _ in range(3)))
        await asyncio.gather(*(ask(client, remote.place) for _ in range(3)))
    assert (len(remote.heads), remote.connections, other.connections) == (9, 3, 1)


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "OLDEST_SECONDS"])
async def test_a_connection_that_is_idle_or_alive_for_too_long_is_not_used(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with called(answered) as (client, remote):
        await ask(client, remote.place)
        monkeypatch.setattr(module, limit, 0.0)
        await ask(client, remote.place)
        assert remote.connections == 2
        monkeypatch.undo()
        await ask(client, remote.place)
    assert remote.connections == 2


async def test_idle_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SWEEP_SECONDS", 0.01)
    async with called(answered) as (client, remote):
        await asyncio.gather(*(ask(client, remote.place) for _ in range(3)))
        await asyncio.sleep(0.03)
        assert client.open == 3
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.0)
        await eventually(lambda: client.open == 0)


def test_a_moved_name_is_followed_within_a_minute() -> None:
    assert module.OLDEST_SECONDS + module._SWEEP_SECONDS <= 60.0


async def test_a_name_is_looked_up_for_each_connection_and_once_for_those_made_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with called(answered) as (client, one), called(answered) as (_, other):
        asked: list[str] = []
        ports = {"port": int(one.url.rpartition(":")[2])}

        async def look_up(host: str, port: int) -> dial.Found:
            asked.append(host)
            await asyncio.sleep(0.01)
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", ports["port"]))]

        monkeypatch.setattr(dial, "_look_up", look_up)
        where = place("http://moving.example:1234")
        await asyncio.gather(*(ask(client, where) for _ in range(5)))
        assert (asked, one.connections) == (["moving.example"], 5)
        ports["port"] = int(other.url.rpartition(":")[2])
        monkeypatch.setattr(module, "OLDEST_SECONDS", 0.0)
        await ask(client, where)
        assert (asked, other.connections) == (["moving.example"] * 2, 1)


async def test_an_address_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with called(answered) as (client, remote):
        port = int(remote.url.rpartition(":")[2])

        async def look_up(host: str, _: int) -> dial.Found:
            # 192.0.2.1 is for documentation: nobody answers there, or the network says at once that nobody can.
            kind, way = socket.SOCK_STREAM, socket.IPPROTO_TCP
            return [(socket.AF_INET, kind, way, "", (address, port)) for address in ("192.0.2.1", "127.0.0.1")]

        monkeypatch.setattr(dial, "_look_up", look_up)
        answer, _ = await ask(client, place(f"http://two.example:{port}"))
    assert answer.status == 200


async def test_a_name_that_is_not_known_was_never_called() -> None:
    async with calling() as client:
        with pytest.raises(NoConnectionError):
            await ask(client, place("http://unknown.invalid"))


async def test_a_call_that_may_have_been_sent_is_not_sent_again() -> None:
    async with called(lambda number: [OK] if number == 1 else None) as (client, remote):
        await ask(client, remote.place)
        with pytest.raises(ServerDisconnectedError):
            await ask(client, remote.place)
    assert (len(remote.heads), remote.connections) == (2, 1)


async def test_a_kept_connection_that_was_closed_meanwhile_is_not_used() -> None:
    async with called(answered, keep=False) as (client, remote):
        await ask(client, remote.place)
        await eventually(lambda: client.open == 0)
        await ask(client, remote.place)
    assert (len(remote.heads), remote.connections) == (2, 2)


async def test_what_comes_behind_an_answer_ends_the_connection_and_is_no_answer() -> None:
    async with called(lambda _: [OK + b"HTTP/1.1 500 Oh\r\n\r\n"]) as (client, remote):
        for _ in range(2):
            answer, _ = await ask(client, remote.place)
            assert answer.status == 200
    assert remote.connections == 2


async def test_a_server_that_was_tired_of_waiting_is_asked_over_another_connection() -> None:
    """Its 408 may have crossed the request, and the answer to that would be taken for the next one's."""
    late = b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n"
    async with called(lambda number: [late if number == 1 else OK]) as (client, remote):
        assert (await ask(client, remote.place))[0].status == 408
        assert (await ask(client, remote.place))[0].status == 200
    assert remote.connections == 2


@pytest.mark.parametrize("status", [b"301 Moved", b"307 Elsewhere", b"401 Who", b"503 Later"])
async def test_no_answer_leads_to_another_call(status: bytes) -> None:
    told = b"HTTP/1.1 %b\r\nLocation: /other\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n" % status
    async with called(lambda _: [told]) as (client, remote):
        answer, _ = await ask(client, remote.place)
    assert (answer.status, len(remote.heads)) == (int(status[:3]), 1)


@pytest.mark.parametrize(
    ("method", "told", "connections"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", 1),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 1),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1),
        ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n", 2),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 1),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n", 1),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 1),
        ("GET", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 1),
        ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 2),
        ("GET", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 2),
    ],
)
async def test_an_answer_without_a_body_is_whole_with_its_head(method: str, told: bytes, connections: int) -> None:
    async with called(lambda _: [told]) as (client, remote):
        for _ in range(2):
            answer, body = await ask(client, remote.place, method=method)
            assert (answer.status, body) == (int(told.rsplit(b"HTTP/1.", 1)[1][2:5]), b"")
            assert [name for name, _ in answer.fields if name == b"Link"] == []
    assert remote.connections == connections


async def test_the_answer_to_head_with_a_body_all_the_same_ends_the_connection() -> None:
    async with called(lambda _: [OK]) as (client, remote):
        for _ in range(2):
            assert (await ask(client, remote.place, method="HEAD"))[1] == b""
            await eventually(lambda: client.open == 0)
    assert remote.connections == 2


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ([], "no answer in time"),
        ([b"HTTP/1.1 102 Processing\r\n\r\n"], "no answer in time"),
        ([b"HTTP/1.1 200 OK\r\nContent-Le"], "no answer in time"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"], "no answer in time"),
    ],
)
@pytest.mark.parametrize(
    "patience", [Patience(connect=5.0, silence=0.1), Patience(connect=5.0, total=0.1)], ids=["silence", "total"]
)
async def test_an_answer_that_stops_coming_is_given_up(told: Sequence[bytes], error: str, patience: Patience) -> None:
    async with called(lambda _: told) as (client, remote):
        with pytest.raises(PatienceError, match=error):
            await ask(client, remote.place, patience=patience)
        await eventually(lambda: client.open == 0)
        assert len(remote.heads) == 1


async def test_a_call_that_drips_ends_with_its_time_and_not_with_that_of_silence() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        gone = asyncio.ensure_future(reader.read())
        while not gone.done():
            writer.write(b"x")
            await asyncio.wait([gone], timeout=0.01)
        writer.close()
        ended.set()

    ended = asyncio.Event()
    async with listening(drip) as port, calling() as client:
        with pytest.raises(PatienceError):
            await ask(client, place(f"http://127.0.0.1:{port}"), patience=Patience(connect=1.0, silence=5.0, total=0.2))
        await asyncio.wait_for(ended.wait(), 5.0)


async def test_connecting_takes_no_longer_than_it_may() -> None:
    # A full backlog: the kernel lets further connections wait.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        where = full.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(where)
        async with calling() as client:
            with pytest.raises((PatienceError, ServerDisconnectedError)):
                await ask(client, place(f"http://127.0.0.1:{where[1]}"), patience=Patience(connect=0.1, total=0.3))
        for one in waiting:
            one.close()


async def test_a_cancelled_call_ends_its_connection() -> None:
    async with called(lambda _: []) as (client, remote):
        call = asyncio.create_task(ask(client, remote.place))
        await eventually(lambda: remote.heads)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await eventually(lambda: client.open == 0)


async def test_a_body_that_nobody_reads_waits_in_the_network_and_is_not_late() -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        for _ in range(50):
            writer.write(bytes(1_000_000))
            await writer.drain()
            poured.append(1)
        writer.close()

    poured: list[int] = []
    async with listening(pour) as port, calling() as client:
        where = place(f"http://127.0.0.1:{port}")
        answer = await client.ask(
            where, where.head("GET", "/", b""), without_body=False, patience=Patience(connect=5.0, silence=0.2)
        )
        await asyncio.sleep(0.5)
        assert len(poured) < 20
        assert len(await whole(answer)) == 50_000_000


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(100_000)


async def send(client: Client, where: object, parts: AsyncIterator[bytes], *, silence: float = 5.0) -> int:
    answer = await client.send(
        where,  # type: ignore[arg-type]
        where.head("PUT", "/", b"Transfer-Encoding: chunked\r\n"),  # type: ignore[attr-defined]
        parts,
        chunked=True,
        without_body=False,
        patience=Patience(connect=5.0, silence=silence),
    )
    try:
        await whole(answer)
    finally:
        answer.close()
    return answer.status


async def test_an_answer_may_come_before_the_end_of_what_is_sent_and_ends_the_connection() -> None:
    async with called(answered) as (client, remote):
        assert await send(client, remote.place, endless()) == 200
        await eventually(lambda: client.open == 0)
        assert await send(client, remote.place, endless()) == 200
    assert remote.connections == 2


async def test_what_is_not_read_is_not_sent_for_ever() -> None:
    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await done.wait()
        writer.transport.abort()

    done = asyncio.Event()
    async with listening(stuck) as port, calling() as client:
        with pytest.raises(PatienceError, match="the request is not read"):
            await send(client, place(f"http://127.0.0.1:{port}"), endless(), silence=0.2)
        done.set()


async def test_a_body_that_fails_on_its_way_here_ends_the_call_with_its_error() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise KeyError("gone")

    async with called(lambda _: []) as (client, remote):
        with pytest.raises(UploadBrokenError) as caught:
            await send(client, remote.place, broken())
    assert isinstance(caught.value.__cause__, KeyError)


async def test_a_closed_client_ends_what_is_under_way() -> None:
    async with called(lambda _: []) as (client, remote):
        call = asyncio.create_task(ask(client, remote.place))
        await eventually(lambda: remote.heads)
        await client.close()
        with pytest.raises(HttpTrouble):
            await call
        assert client.open == 0


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"a" * 70_000) + b"Content-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 513 + b"Content-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\n" + b"X: 12345678\r\n" * 400 * 20 + b"Content-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 " + b"a" * 70_000 + b"\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 102 Wait\r\n\r\n" * 10_000 + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: 1\r\n" * 40_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"x" * 200_000 + b"\r\nhi\r\n0\r\n\r\n",
        b"\r\n" * 100_000 + OK,
    ],
    ids=["field", "fields", "head", "reason", "interim", "trailer", "trailing field", "extension", "line ends"],
)
@pytest.mark.parametrize("size", [1_000_000, 1_000])
async def test_what_stands_around_a_body_is_bounded(told: bytes, size: int) -> None:
    pieces = [told[start : start + size] for start in range(0, len(told), size)]
    async with called(lambda _: pieces) as (client, remote):
        with pytest.raises(MalformedError):
            await ask(client, remote.place)


@pytest.mark.parametrize("size", [1_000_000, 100])
async def test_a_head_and_chunks_just_within_the_bounds_pass(size: int) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [b"x" * n for n in range(1, 300)])
    told = b"HTTP/1.1 200 OK\r\nX: %b\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\nT: 1\r\n\r\n" % (b"a" * 60_000, body)
    pieces = [told[start : start + size] for start in range(0, len(told), size)]
    async with called(lambda _: pieces) as (client, remote):
        for _ in range(2):
            answer, found = await ask(client, remote.place, patience=PATIENCE)
            assert (len(found), answer.values(b"t")) == (sum(range(1, 300)), [])
    assert remote.connections == 1
