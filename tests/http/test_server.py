"""Requests that come in: framed oddly, cut anywhere, half-closed, slow, or broken off."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.http import reception
from exporter.http import server as module
from exporter.http.request import Reply, Request, whole
from exporter.http.room import Room
from exporter.http.server import Handle, Server
from exporter.http.trouble import BrokenOffError
from tests import loops
from tests.http.stage import eventually, talk

HEAD = b"POST /a HTTP/1.1\r\nHost: h\r\n"
GET = b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
PIECES = [lambda sent: [sent], lambda sent: [sent[place : place + 1] for place in range(len(sent))]]
CUTS = pytest.mark.parametrize("cut", PIECES, ids=["whole", "byte by byte"])

# What is sent, and the body that is read; the next request is understood behind it.
READ = {
    "no body": (b"POST /a HTTP/1.1\r\nHost: h\r\n\r\n", b""),
    "a length": (HEAD + b"Content-Length: 3\r\n\r\nabc", b"abc"),
    "a length with blanks": (HEAD + b"Content-Length: \t 3  \r\n\r\nabc", b"abc"),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc"),
    "extensions": (HEAD + b'Transfer-Encoding: chunked\r\n\r\n3;a="b"\r\nabc\r\n0;c\r\n\r\n', b"abc"),
    "trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n", b"abc"),
    "line ends before it": (b"\r\n\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabc", b"abc"),
    "a body for GET": (b"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "bytes in a value": (HEAD + b"X: \x80\xff\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
}
REFUSED = {
    "no method": b"FOO /a HTTP/1.1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /a\r\n\r\n",
    "another version": b"GET /a HTTP/9\r\n\r\n",
    "NUL in the target": b"GET /\x00 HTTP/1.1\r\n\r\n",
    "NUL in a value": b"GET /a HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    "a tab in the target": b"GET /a\tb HTTP/1.1\r\n\r\n",
    "LF alone": b"GET /a HTTP/1.1\nHost: h\n\n",
    "CR alone": b"GET /a HTTP/1.1\r\nX: a\rY: b\r\n\r\n",
    "no colon": b"GET /a HTTP/1.1\r\nX\r\n\r\n",
    "a blank before the colon": b"POST /a HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc",
    "a folded field": b"GET /a HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
    "length and chunks": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunks and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a length twice": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths in one": HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    "a coding behind chunks": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -3\r\n\r\nabc",
    "a signed length": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "an endless length": HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "another coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "two codings": HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another method": b"SOURCE /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no host": b"GET /a HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
    "a host that is none": b"GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a long target": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    "a long field": b"GET /a HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "many fields": b"GET /a HTTP/1.1\r\n" + b"X: 1\r\n" * 513 + b"\r\n",
    "line ends without end": b"\r\n" * 100_000,
}
# Not 400 as all others.
OTHERWISE = {
    "a long target": 414,
    "another coding": 501,
    "two codings": 501,
    "another method": 501,
}
# What is broken in the body of a request: it may have been handed on, so that there is no answer to it.
BROKEN = {
    "a size that is none": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\ng\r\n",
    "an endless size": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nfffffffffffffffff\r\n",
    "a size with 0x": b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a blank behind a size": b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
    "LF behind a chunk": b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    "a chunk that is shorter": b"Transfer-Encoding: chunked\r\n\r\n4\r\nabc\r\n0\r\n\r\n",
    "an endless extension": b"Transfer-Encoding: chunked\r\n\r\n3;" + b"a" * 200_000,
    "an endless trailer": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: " + b"a" * 200_000,
    "endless trailers": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n" + b"X: 1\r\n" * 50_000,
}


class Application:
    """Reads each request to its end, and answers with its body."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.broken = 0

    async def handle(self, request: Request) -> Reply | None:
        try:
            body = await read(request)
        except BrokenOffError:
            self.broken += 1
            request.break_off()
            return None
        self.seen.append((request.method, request.target, body))
        return request.reply(200, [(b"X", b"1")], b"<%b>" % body)


async def read(request: Request) -> bytes:
    request.invite()
    parts = []
    while part := await request.body.next():
        parts.append(part)
    return b"".join(parts)


def refuse(status: int) -> Reply:
    return whole(status, [], b"refused", keeps=False)


@asynccontextmanager
async def serving(handle: Handle, *, room: Room | None = None) -> AsyncIterator[tuple[Server, int]]:
    server = Server(handle, refuse, room=room)
    bound = socket.create_server(("127.0.0.1", 0))
    server.listen(bound)
    try:
        yield server, bound.getsockname()[1]
    finally:
        await server.close(0.1)
    assert not server.connections


def statuses(answer: bytes) -> list[int]:
    return [int(part[2:5]) for part in answer.split(b"HTTP/1.")[1:]]


async def answered(pieces: Sequence[bytes]) -> tuple[list[tuple[str, str, bytes]], list[int]]:
    application = Application()
    async with serving(application.handle) as (_, port):
        told = await talk(port, *pieces)
    return application.seen, statuses(told)


@CUTS
@pytest.mark.parametrize("name", READ)
async def test_a_request_is_read_and_the_next_one_behind_it(name: str, cut: Callable[[bytes], list[bytes]]) -> None:
    sent, body = READ[name]
    seen, told = await answered(cut(sent + sent + LAST))
    assert ([one[2] for one in seen], told) == ([body, body, b""], [200, 200, 200])


@settings(max_examples=150, deadline=None)
@given(names=st.lists(st.sampled_from(sorted(READ)), max_size=5), places=st.lists(st.integers(1, 600), max_size=12))
def test_requests_are_the_same_however_they_are_cut(names: list[str], places: list[int]) -> None:
    sent = b"".join(READ[name][0] for name in names) + LAST
    edges = [0, *sorted({place for place in places if place < len(sent)}), len(sent)]
    seen, told = loops.run(answered([sent[start:end] for start, end in pairwise(edges)]))
    assert [one[2] for one in seen] == [*(READ[name][1] for name in names), b""]
    assert told == [200] * (len(names) + 1)


@pytest.mark.parametrize("size", [1, 3_000, 1_000_000])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_can_not_be_a_request_is_refused_behind_the_answers_to_what_came_before(
    name: str, size: int
) -> None:
    sent = REFUSED[name]
    size = max(size, len(sent) // 2_000)
    pieces = [sent[place : place + size] for place in range(0, len(sent), size)]
    seen, told = await answered([GET, *pieces])
    assert ([one[1] for one in seen], told) == (["/b"], [200, OTHERWISE.get(name, 400)])


@pytest.mark.parametrize("size", [1, 3_000, 1_000_000])
@pytest.mark.parametrize("name", BROKEN)
async def test_what_breaks_within_a_body_ends_the_connection(name: str, size: int) -> None:
    sent = HEAD + BROKEN[name]
    size = max(size, len(sent) // 2_000)
    application = Application()
    async with serving(application.handle) as (_, port):
        told = await talk(port, *(sent[place : place + size] for place in range(0, len(sent), size)))
    assert (application.seen, application.broken, told) == ([], 1, b"")


async def test_a_request_that_ends_at_any_byte_but_its_last_is_none() -> None:
    application = Application()
    async with serving(application.handle) as (server, port):
        for name in ("a length", "chunks", "trailers"):
            sent, _ = READ[name]
            for length in range(len(sent)):
                for half in (True, False):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(sent[:length])
                    if half:
                        writer.write_eof()
                        assert await asyncio.wait_for(reader.read(), 5.0) == b""
                    writer.close()
        await eventually(lambda: not server.connections)
    assert application.seen == []


async def test_who_sends_no_more_is_answered_all_the_same() -> None:
    application = Application()
    async with serving(application.handle) as (server, port):
        for sent, _ in READ.values():
            assert statuses(await talk(port, sent + GET, half_close=True)) == [200, 200]
        await eventually(lambda: not server.connections)


@pytest.mark.parametrize("sent", [b"", b"\r\n", HEAD, HEAD + b"X: 1\r\n"])
async def test_a_connection_that_nothing_whole_comes_over_is_closed(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE_SECONDS", 0.1)
    monkeypatch.setattr(reception, "FIRST_BYTE_SECONDS", 0.1)
    monkeypatch.setattr(reception, "_SWEEP_SECONDS", 0.05)
    async with serving(Application().handle) as (server, port):
        began = asyncio.get_running_loop().time()
        assert await talk(port, sent) == b""
        assert statuses(await talk(port, GET + sent)) == [200]
        assert asyncio.get_running_loop().time() - began < 5.0
        await eventually(lambda: not server.connections)


async def test_a_connection_that_waits_for_its_answer_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(request: Request) -> Reply:
        await asyncio.sleep(0.3)
        return request.reply(200, [], b"", keeps=False)

    monkeypatch.setattr(module, "KEEP_ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(reception, "_SWEEP_SECONDS", 0.01)
    async with serving(slow) as (_, port):
        assert statuses(await talk(port, GET)) == [200]


async def test_no_more_is_read_than_is_answered() -> None:
    async def stuck(request: Request) -> Reply | None:
        asked.append(request.target)
        await may.wait()
        return request.reply(200, [], b"")

    asked: list[str] = []
    may = asyncio.Event()
    async with serving(stuck) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET * 1_000_000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 0.2)
        assert asked == ["/b"]
        may.set()
        assert (await asyncio.wait_for(reader.readline(), 5.0)).startswith(b"HTTP/1.1 200")
        writer.transport.abort()


async def test_who_reads_no_answers_gets_no_further_ones() -> None:
    async def long(request: Request) -> Reply:
        asked.append(request.target)
        return request.reply(200, [], bytes(1_000_000))

    asked: list[str] = []
    async with serving(long) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET * 1_000)
        await asyncio.sleep(0.3)
        assert len(asked) < 20
        writer.transport.abort()


async def test_who_reads_no_answer_at_all_holds_its_connection_for_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def long(request: Request) -> Reply:
        return request.reply(200, [], bytes(30_000_000))

    monkeypatch.setattr(module, "UNREAD_SECONDS", 0.1)
    monkeypatch.setattr(reception, "_SWEEP_SECONDS", 0.02)
    async with serving(long) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET)
        await eventually(lambda: server.connections)
        await eventually(lambda: not server.connections)
        writer.transport.abort()


async def test_connections_beyond_the_bound_take_the_place_of_idle_ones() -> None:
    async with serving(Application().handle, room=Room(16)) as (server, port):
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        assert statuses(await talk(port, LAST)) == [200]
        assert len(server.connections) <= 8
        for _, writer in crowd:
            writer.transport.abort()


async def test_calls_under_way_lose_nothing_to_a_crowd() -> None:
    async def slow(request: Request) -> Reply:
        asked.append(request.target)
        await may.wait()
        return request.reply(200, [], b"", keeps=False)

    asked: list[str] = []
    may = asyncio.Event()
    async with serving(slow, room=Room(16)) as (_, port):
        calls = [asyncio.create_task(talk(port, GET)) for _ in range(6)]
        await eventually(lambda: len(asked) == 6)
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        may.set()
        assert [statuses(told) for told in await asyncio.gather(*calls)] == [[200]] * 6
        for _, writer in crowd:
            writer.transport.abort()


async def early(request: Request) -> Reply:
    return request.reply(413, [], b"too long")


@pytest.mark.parametrize("kept", [True, False])
async def test_a_request_answered_before_its_end_is_read_on_so_that_the_answer_arrives(kept: bool) -> None:
    close = b"" if kept else b"Connection: close\r\n"
    head = HEAD + close + b"Content-Length: 3000000\r\n\r\n"
    async with serving(early) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"abc")
        assert (await asyncio.wait_for(reader.readuntil(b"too long"), 5.0)).startswith(b"HTTP/1.1 413")
        writer.write(bytes(2_999_997))
        await writer.drain()
        if kept:
            writer.write(LAST)
            assert statuses(await asyncio.wait_for(reader.read(), 5.0)) == [413]
        else:
            assert await asyncio.wait_for(reader.read(), 5.0) == b""
        writer.close()
        await eventually(lambda: not server.connections)


async def test_a_request_answered_before_its_end_does_not_hold_its_connection_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.1)
    async with serving(early) as (server, port):
        assert statuses(await talk(port, HEAD + b"Content-Length: 100\r\n\r\nabc")) == [413]
        await eventually(lambda: not server.connections)


async def test_who_waits_to_be_asked_for_a_body_and_is_not_gets_the_end_with_the_answer() -> None:
    async with serving(early) as (_, port):
        told = await talk(port, HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", half_close=True)
    assert (statuses(told), b"\r\nConnection: close\r\n" in told) == ([413], True)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_who_waits_to_be_asked_for_a_body_is_asked_where_the_version_has_it(version: bytes) -> None:
    sent = b"POST /a HTTP/%b\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n" % version
    async with serving(Application().handle) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        if version == b"1.1":
            assert await asyncio.wait_for(reader.readexactly(25), 5.0) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await asyncio.wait_for(reader.readuntil(b"<abc>"), 5.0)).startswith(b"HTTP/%b 200 OK\r\n" % version)
        writer.close()


@CUTS
@pytest.mark.parametrize(
    "framing", [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
)
async def test_a_wish_for_another_protocol_is_a_request_and_the_last_one(
    framing: bytes, cut: Callable[[bytes], list[bytes]]
) -> None:
    sent = HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + framing + GET + b"\x00\x01"
    seen, told = await answered(cut(sent))
    assert (seen, told) == ([("POST", "/a", b"abc")], [200])


async def test_a_defect_is_answered_and_one_within_an_answer_ends_it() -> None:
    async def broken(request: Request) -> Reply:
        if request.target == "/begun":
            await request.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        raise KeyError("a defect")

    async with serving(broken) as (_, port):
        assert statuses(await talk(port, GET)) == [500]
        assert (await talk(port, b"GET /begun HTTP/1.1\r\nHost: h\r\n\r\n")).endswith(b"\r\n\r\nabc")


async def test_a_retired_server_answers_each_connection_once_more() -> None:
    async with serving(Application().handle) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        assert b"Connection" not in await reader.readuntil(b"<>")
        server.retire()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert server.connections
        writer.write(GET)
        assert b"\r\nConnection: close\r\n" in await asyncio.wait_for(reader.read(), 5.0)
        writer.close()


async def test_a_closing_server_lets_answers_end_and_tells_those_that_do_not() -> None:
    async def slow(request: Request) -> Reply:
        try:
            await asyncio.sleep(0.1 if request.target == "/b" else 60.0)
        except asyncio.CancelledError:
            cancelled.append(request.target)
            raise
        return request.reply(200, [], b"")

    cancelled: list[str] = []
    server = Server(slow, refuse)
    bound = socket.create_server(("127.0.0.1", 0))
    server.listen(bound)
    port = bound.getsockname()[1]
    calls = [asyncio.create_task(talk(port, sent)) for sent in (GET, LAST, b"")]
    await eventually(lambda: len([one for one in server.connections if one.task]) == 2 and len(server.connections) == 3)
    await server.close(0.3)
    assert [statuses(one) for one in await asyncio.gather(*calls)] == [[200], [], []]
    assert cancelled == ["/last"]
    assert not server.connections
