"""What passes through the gateway, byte by byte."""

import asyncio
import gzip
import hashlib
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import brotli
import pytest
from backports import zstd

from exporter.core.request import Status
from exporter.gateway import encoding
from tests.gateway.stage import (
    BODY,
    PATIENCE,
    REQUEST_ID,
    SOURCE,
    Seen,
    Stage,
    answer,
    eventually,
    read_answer,
    read_head,
    request,
    staged,
)

PLAIN = "Content-Type: application/json"


def accept(_: Seen) -> list[bytes]:
    return [answer(BODY, PLAIN)]


async def test_a_request_arrives_as_it_was_sent_but_for_the_host() -> None:
    target = "/any//path/%2F;p=1/../%C3%A4?b=%20+&a=[x]&q={}|^&empty=&accessKey=k%2f"
    headers = ("X-Api-Key: application-key", "x-UPPER-lower: 1", "Cookie: a=1", "X-Twice: 1", "X-Twice: 2")
    async with staged(accept) as stage:
        await stage.ask(request("PATCH", target, *headers, "Content-Encoding: gzip", body=b"\x1f\x8b not gzip"))
        (seen,) = stage.vendor.seen
    assert seen.line == f"PATCH {target} HTTP/1.1"
    assert sorted(seen.headers) == sorted(
        [
            ("Host", stage.vendor.url.removeprefix("http://")),
            ("X-Api-Key", "application-key"),
            ("x-UPPER-lower", "1"),
            ("Cookie", "a=1"),
            ("X-Twice", "1"),
            ("X-Twice", "2"),
            ("Content-Encoding", "gzip"),
            ("Content-Length", "11"),
        ]
    )
    assert seen.body == b"\x1f\x8b not gzip"


async def test_the_header_with_a_reference_is_kept_and_not_forwarded() -> None:
    source = replace(SOURCE, reference_header="X-Reference")
    async with staged(accept, source=source) as stage:
        await stage.ask(request("POST", "/lead/update?accessKey=k", "x-reference: shop:2026/81#2", "X-Other: 1"))
        await stage.ask(request("GET", "/anything", "X-Reference: o-2", body=b""), method="GET")
        first, second = stage.vendor.seen
    assert (first.values("x-reference"), first.values("x-other")) == ([], ["1"])
    assert second.values("x-reference") == []
    assert [one.reference for one in stage.intake.entries] == ["shop:2026/81#2"]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (("X-Reference: Ada Lovelace",), "must be 1 to 128 characters of A-Z a-z 0-9 . _ : / # -"),
        (("X-Reference: o-1", "X-Reference: o-2"), "is there 2 times"),
    ],
)
async def test_a_reference_that_is_none_is_dropped_and_counted(headers: tuple[str, ...], told: str) -> None:
    source = replace(SOURCE, reference_header="X-Reference")
    async with staged(accept, source=source) as stage:
        answered = await stage.ask(request("POST", "/lead/update?accessKey=k", *headers))
        (seen,) = stage.vendor.seen
    assert answered.status == 200
    assert seen.values("x-reference") == []
    assert [(one.request_id, one.reference) for one in stage.intake.entries] == [(REQUEST_ID, None)]
    assert f"gateway refused 1: X-Reference: {told}" in stage.health.story
    assert stage.health.kinds == ["unfit_reference"]
    assert stage.meter.unrecorded == 0


async def test_without_its_header_named_a_reference_is_forwarded_like_any_other() -> None:
    async with staged(accept) as stage:
        await stage.ask(request("POST", "/lead/update?accessKey=k", "X-Reference: o-1"))
        (seen,) = stage.vendor.seen
    assert seen.values("x-reference") == ["o-1"]
    assert [one.reference for one in stage.intake.entries] == [None]


async def test_an_answer_comes_back_as_it_was_given() -> None:
    headers = (
        "Date: Mon, 02 Feb 2026 02:40:00 GMT",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
        "x-ODD: é".encode().decode("latin-1"),
    )
    async with staged(lambda _: [answer(b"<gone>", *headers, status="410 Really Gone")]) as stage:
        found = await stage.ask(request("GET", "/elsewhere", body=b""))
    assert found.line == "HTTP/1.1 410 Really Gone"
    assert found.headers == [*(tuple(one.split(": ", 1)) for one in headers), ("Content-Length", "6")]
    assert found.body == b"<gone>"


async def test_headers_pass_byte_for_byte_whatever_text_they_are() -> None:
    raw = b"X-Mixed: caf\xe9s\r\nX-Unicode: caf\xc3\xa9\r\n"
    back = b"HTTP/1.1 200 Caf\xe9\r\n" + raw + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    async with staged(lambda _: [back]) as stage:
        found = await stage.ask(b"POST /lead/update HTTP/1.1\r\nHost: h\r\n" + raw + b"Content-Length: 2\r\n\r\n[]")
        (seen,) = stage.vendor.seen
    for one in (seen, found):
        assert (one.values("X-Mixed"), one.values("X-Unicode")) == (["caf\xe9s"], ["caf\xc3\xa9"])
    assert (found.line, found.body, stage.intake.ids) == ("HTTP/1.1 200 Caf\xe9", BODY, [REQUEST_ID])


async def test_trailers_end_at_the_gateway_and_take_nothing_with_them() -> None:
    head = b"POST /elsewhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    chunked = b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
    back = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunked
    async with staged(lambda _: [back]) as stage:
        reader, writer = await stage.connect()
        for _ in range(2):
            writer.write(head + chunked)
            found = await read_answer(reader)
            assert (found.body, found.values("Trailer")) == (b"abc", [])
        writer.close()
    assert [(one.body, one.values("Trailer")) for one in stage.vendor.seen] == [(b"abc", [])] * 2


async def test_headers_that_are_about_one_connection_stay_on_it() -> None:
    given = (
        "Connection: keep-alive, X-Mine",
        "X-Mine: 1",
        "Keep-Alive: 5",
        "TE: trailers",
        "Upgrade: h2c",
        "X-Yours: 2",
    )
    back = ("Connection: X-Theirs", "X-Theirs: 1", "Keep-Alive: timeout=5", "X-Ours: 2")
    async with staged(lambda _: [answer(BODY, *back)]) as stage:
        found = await stage.ask(request("POST", "/lead/update", *given))
        (seen,) = stage.vendor.seen
    dropped = ("connection", "keep-alive", "te", "upgrade", "x-mine", "x-theirs")
    assert [name for name, _ in seen.headers if name.lower() in dropped] == []
    assert [name for name, _ in found.headers if name.lower() in dropped] == []
    assert (seen.values("X-Yours"), found.values("X-Ours")) == (["2"], ["2"])


async def test_what_tells_the_end_of_a_body_is_no_matter_of_one_connection() -> None:
    named = "Connection: Content-Length"
    async with staged(lambda _: [answer(BODY, named)]) as stage:
        found = await stage.ask(request("POST", "/lead/update", named))
        (seen,) = stage.vendor.seen
    assert (seen.values("Content-Length"), seen.body) == (["2"], b"[]")
    assert (found.values("Content-Length"), found.body) == ([str(len(BODY))], BODY)


@pytest.mark.parametrize(("method", "told"), [("POST", ["0"]), ("DELETE", ["0"]), ("GET", []), ("OPTIONS", [])])
async def test_where_a_body_is_expected_its_absence_is_told(method: str, told: list[str]) -> None:
    async with staged(accept) as stage:
        found = await stage.ask(f"{method} /elsewhere HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert found.status == 200
    assert stage.vendor.seen[0].values("Content-Length") == told


async def test_an_answer_without_a_date_gets_one_and_one_that_has_it_keeps_it() -> None:
    theirs = "Mon, 02 Feb 2026 02:40:00 GMT"
    async with staged(accept) as stage:
        (ours,) = (await stage.ask(request())).values("Date")
        assert abs(parsedate_to_datetime(ours) - datetime.now(UTC)) < timedelta(minutes=1)
        stage.vendor.script = lambda _: [answer(BODY, f"date: {theirs}")]
        assert (await stage.ask(request())).values("Date") == [theirs]


@pytest.mark.parametrize("target", ["/lead/update", "/elsewhere"])
async def test_an_answer_that_ends_with_its_connection_is_whole(target: str) -> None:
    async with staged(lambda _: [answer(BODY, length=False)]) as stage:
        stage.vendor.hang_up = True
        found = await stage.ask(request("POST", target))
    assert found.body == BODY
    assert found.values("Content-Length") + found.values("Transfer-Encoding") != []


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/plain\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 1234\r\n\r\n'),
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
async def test_answers_without_a_body_keep_their_headers(method: str, given: bytes) -> None:
    async with staged(lambda _: [given]) as stage:
        found = await stage.ask(request(method, "/elsewhere", body=b""), method=method)
    expected = given.decode().rstrip().split("\r\n")
    kept = [f"{name}: {value}" for name, value in found.headers if name != "Date"]
    assert (found.line, kept) == (expected[0], expected[1:])


async def test_large_bodies_stream_both_ways() -> None:
    body = bytes(range(256)) * 64 * 1024
    async with staged(lambda seen: [answer(seen.body)]) as stage:
        found = await stage.ask(request("PUT", "/elsewhere", body=body))
        (seen,) = stage.vendor.seen
    assert seen.values("content-length") == [str(len(body))]
    assert hashlib.sha256(found.body).digest() == hashlib.sha256(seen.body).digest() == hashlib.sha256(body).digest()


async def test_a_part_of_an_upload_is_there_before_the_next_is_sent() -> None:
    head = b"POST /elsewhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with staged(accept) as stage:
        reader, writer = await stage.connect()
        writer.write(head + b"3\r\nabc\r\n")
        await eventually(lambda: stage.vendor.arriving == b"abc")
        writer.write(b"2\r\nde\r\n0\r\n\r\n")
        found = await read_answer(reader)
        writer.close()
    assert (stage.vendor.seen[0].body, found.status) == (b"abcde", 200)


async def test_a_part_of_an_answer_is_there_before_the_next_is_sent() -> None:
    head = answer(b"", "Transfer-Encoding: chunked", length=False)
    more = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"3\r\nabc\r\n")
        await more.wait()
        writer.write(b"2\r\nde\r\n0\r\n\r\n")
        writer.close()

    async with staged(accept) as stage:
        stage.vendor.serve = trickle  # type: ignore[method-assign]
        server = await stage.served_by(trickle)
        reader, writer = await stage.connect()
        writer.write(request("GET", "/events", body=b""))
        assert (await read_head(reader)).values("transfer-encoding") == ["chunked"]
        assert await reader.readexactly(8) == b"3\r\nabc\r\n"
        more.set()
        assert await reader.readexactly(12) == b"2\r\nde\r\n0\r\n\r\n"
        writer.close()
        server.close()


async def test_a_careful_application_is_told_to_go_on() -> None:
    async with staged(accept) as stage:
        reader, writer = await stage.connect()
        writer.write(b"POST /lead/update HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"[]")
        assert (await read_answer(reader)).body == BODY
        writer.close()
    (seen,) = stage.vendor.seen
    assert (seen.body, seen.values("expect")) == (b"[]", [])


async def test_connections_are_kept_on_both_sides() -> None:
    async with staged(accept) as stage:
        reader, writer = await stage.connect()
        for _ in range(3):
            writer.write(request())
            assert (await read_answer(reader)).status == 200
        writer.write(request() + request())
        assert [(await read_answer(reader)).status for _ in range(2)] == [200, 200]
        writer.close()
    assert (len(stage.vendor.seen), stage.vendor.connections) == (5, 1)


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.2"])
@pytest.mark.parametrize("body", [b"", b"[]"])
async def test_what_is_asked_behind_a_wish_for_another_protocol_is_answered_or_refused_by_the_end(
    protocol: str, body: bytes
) -> None:
    wish = request("POST", "/lead/update", "Connection: Upgrade", f"Upgrade: {protocol}", body=body)
    async with staged(accept) as stage:
        reader, writer = await stage.connect()
        writer.write(wish + request("GET", "/elsewhere", body=b""))
        found = await read_answer(reader)
        assert (found.status, found.values("Connection")) == (200, ["close"])
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
    assert [one.line.split()[1] for one in stage.vendor.seen] == ["/lead/update"]


async def test_a_connection_ends_where_one_side_wishes_it() -> None:
    async with staged(lambda _: [answer(BODY, "Connection: close")]) as stage:
        reader, writer = await stage.connect()
        writer.write(request())
        assert (await read_answer(reader)).values("Connection") == []
        writer.write(request("POST", "/lead/update", "Connection: close"))
        assert (await read_answer(reader)).values("Connection") == ["close"]
        assert await reader.read() == b""
        writer.close()
    assert stage.vendor.connections == 2


async def test_an_application_of_http_1_0_may_keep_its_connection() -> None:
    async with staged(accept) as stage:
        reader, writer = await stage.connect()
        for _ in range(2):
            writer.write(b"POST /lead/update HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n[]")
            found = await read_answer(reader)
            assert (found.line, found.values("Connection")) == ("HTTP/1.0 200 OK", ["keep-alive"])
        writer.close()


async def test_an_answer_may_come_before_the_upload_has_ended() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"too large", status="413 Content Too Large"))
        await reader.read()
        closed.set()
        writer.close()

    closed = asyncio.Event()
    async with staged(accept) as stage:
        server = await stage.served_by(refuse)
        reader, writer = await stage.connect()
        writer.write(b"POST /elsewhere HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc")
        found = await read_answer(reader)
        assert (found.status, found.body) == (413, b"too large")
        await asyncio.wait_for(closed.wait(), 5.0)
        writer.close()
        server.close()
    assert stage.traffic.story[0] == "413"


async def test_an_application_of_http_1_0_gets_its_answer_and_the_end() -> None:
    async with staged(lambda _: [answer(b"abc", chunked=True)]) as stage:
        reader, writer = await stage.connect()
        writer.write(b"GET /elsewhere HTTP/1.0\r\n\r\n")
        head, _, body = (await asyncio.wait_for(reader.read(), 5.0)).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.0 200 OK")
    assert body == b"abc"


async def test_an_upload_that_breaks_off_is_no_submission() -> None:
    async with staged(accept) as stage:
        for length in (10, 1_000_000):
            _, writer = await stage.connect()
            writer.write(b"POST /lead/update HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\nabc" % length)
            await asyncio.sleep(0.02)
            writer.close()
            await eventually(lambda: stage.vendor.open == 0 and stage.traffic.under_way == 0)
    assert (stage.vendor.connections, stage.intake.ids, stage.traffic.story) == (0, [], [])


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


@pytest.mark.parametrize("begun", [CHUNKED, b"Content-Length: 9\r\n\r\nhello", b"Content-Length: 99999\r\n\r\nhello"])
async def test_a_submission_that_stops_coming_ends_and_was_never_sent(begun: bytes) -> None:
    async with staged(accept, source=replace(SOURCE, timeout=0.1)) as stage:
        found = await stage.ask(b"POST /lead/update HTTP/1.1\r\nHost: h\r\n" + begun)
    assert (found.status, found.values("Connection")) == (408, ["close"])
    assert json.loads(found.body)["error"] == "the request stopped coming in the middle of its body"
    assert (stage.vendor.connections, stage.traffic.story) == (0, [])


@pytest.mark.parametrize("begun", [CHUNKED, b"Content-Length: 99999\r\n\r\nhello"])
async def test_another_upload_that_stops_coming_ends_too_and_may_have_been_counted(begun: bytes) -> None:
    async with staged(accept, source=replace(SOURCE, timeout=0.1)) as stage:
        found = await stage.ask(b"POST /elsewhere HTTP/1.1\r\nHost: h\r\n" + begun)
        await eventually(lambda: stage.vendor.connections == 1 and stage.vendor.open == 0)
    assert (found.status, stage.vendor.seen, stage.traffic.story) == (408, [], ["lost"])


@pytest.mark.parametrize("target", ["/lead/update", "/elsewhere"])
async def test_an_upload_may_take_its_time_as_long_as_something_comes(target: str) -> None:
    async with staged(accept, source=replace(SOURCE, timeout=0.4)) as stage:
        reader, writer = await stage.connect()
        writer.write(b"POST %b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" % target.encode())
        for _ in range(4):
            await asyncio.sleep(0.15)
            writer.write(b"2\r\nab\r\n")
        writer.write(b"0\r\n\r\n")
        assert (await read_answer(reader)).status == 200
        writer.close()
    assert stage.vendor.seen[0].body == b"abababab"


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
async def test_a_submission_of_any_length_that_does_not_tell_it_arrives_whole(size: int) -> None:
    body = hashlib.shake_256(b"").digest(size)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:3], body[3:]) if part)
    async with staged(accept) as stage:
        found = await stage.ask(
            b"POST /lead/update HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\n\r\n"
        )
        (seen,) = stage.vendor.seen
    assert (found.status, seen.body == body) == (200, True)
    assert (seen.values("Transfer-Encoding"), seen.values("Content-Length")) == (["chunked"], [])


async def test_a_vendor_that_does_not_read_the_upload_is_504() -> None:
    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await done.wait()
        writer.transport.abort()

    done = asyncio.Event()
    async with staged(accept, source=replace(SOURCE, timeout=0.2)) as stage:
        server = await stage.served_by(stuck)
        reader, writer = await stage.connect()
        writer.write(request("POST", "/elsewhere", body=bytes(50_000_000)))
        found = await read_answer(reader)
        writer.transport.abort()
        done.set()
        server.close()
    assert (found.status, stage.traffic.story) == (504, ["lost", "timeout", "timeout"])


@asynccontextmanager
async def answered_early(
    stage: Stage, head: bytes, *, after: float = 0.0, reads: bool = True
) -> AsyncIterator[asyncio.Event]:
    """LeadSquared begins its answer before the body of the request is there, and goes on reading or not. It is set once the
    gateway has ended that connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(after)
        writer.write(head + b"abc")
        if not reads:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await done.wait()
            writer.transport.abort()
            return
        while await reader.read(65_536):
            pass
        ended.set()
        await done.wait()
        writer.close()

    ended, done = asyncio.Event(), asyncio.Event()
    server = await stage.served_by(serve)
    try:
        yield ended
    finally:
        done.set()
        server.close()


SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"
PART_OF_AN_UPLOAD = b"POST /elsewhere HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + b"x" * 1000


@pytest.mark.parametrize("head", [SHORT, LONG], ids=["short", "long"])
async def test_an_application_that_leaves_its_upload_behind_the_head_of_the_answer_ends_the_call(head: bytes) -> None:
    async with staged(accept) as stage, answered_early(stage, head) as ended:
        _, writer = await stage.connect()
        writer.write(PART_OF_AN_UPLOAD)
        await eventually(lambda: stage.traffic.story == ["200"])
        writer.close()
        await asyncio.wait_for(ended.wait(), PATIENCE)
        await eventually(lambda: stage.traffic.under_way == 0)
    assert stage.traffic.story == ["200"]


async def test_an_upload_that_stops_coming_behind_the_head_of_its_answer_is_408_too() -> None:
    source = replace(SOURCE, timeout=0.3)
    async with staged(accept, source=source) as stage, answered_early(stage, SHORT) as ended:
        reader, writer = await stage.connect()
        writer.write(PART_OF_AN_UPLOAD)
        for _ in range(3):
            await asyncio.sleep(0.15)
            writer.write(b"x" * 1000)
        found = await read_answer(reader)
        await asyncio.wait_for(ended.wait(), PATIENCE)
        writer.close()
    assert (found.status, found.values("Connection"), stage.traffic.story) == (408, ["close"], ["200"])


async def test_an_upload_that_stops_coming_breaks_off_the_answer_that_is_handed_on() -> None:
    source = replace(SOURCE, timeout=0.2)
    async with staged(accept, source=source) as stage, answered_early(stage, LONG, after=0.1) as ended:
        reader, writer = await stage.connect()
        writer.write(PART_OF_AN_UPLOAD)
        assert (await read_head(reader)).values("content-length") == ["200000"]
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b"abc"
        await asyncio.wait_for(ended.wait(), PATIENCE)
        writer.close()
    assert stage.traffic.story == ["200"]


@pytest.mark.parametrize("head", [SHORT, LONG], ids=["short", "long"])
async def test_a_vendor_that_reads_no_more_of_an_upload_behind_the_head_of_its_answer_is_too_slow(head: bytes) -> None:
    source = replace(SOURCE, timeout=0.2)
    async with staged(accept, source=source) as stage, answered_early(stage, head, after=0.1, reads=False):
        reader, writer = await stage.connect()
        writer.write(request("POST", "/elsewhere", body=bytes(50_000_000)))
        found = await read_head(reader)
        if head is SHORT:
            assert found.status == 504
        else:
            with suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), PATIENCE) == b"abc"
        writer.transport.abort()
        await eventually(lambda: stage.traffic.story == ["200", "timeout"])


async def test_an_upload_may_take_its_time_behind_the_head_of_its_answer() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(LONG)
        writer.write(await reader.readexactly(200_000))
        writer.close()

    async with staged(accept, source=replace(SOURCE, timeout=0.3)) as stage:
        server = await stage.served_by(serve)
        reader, writer = await stage.connect()
        writer.write(b"POST /elsewhere HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n")
        for _ in range(4):
            await asyncio.sleep(0.15)
            writer.write(b"x" * 50_000)
        found = await read_answer(reader)
        writer.close()
        server.close()
    assert (found.status, found.body) == (200, b"x" * 200_000)


async def test_a_submission_is_recorded_although_the_application_went_away() -> None:
    async with staged(accept) as stage:
        _, writer = await stage.connect()
        writer.write(request())
        writer.close()
        assert await eventually(lambda: stage.intake.ids) == [REQUEST_ID]


async def test_an_application_that_leaves_a_long_answer_ends_the_call() -> None:
    async with staged(lambda _: [answer(b"x" * 100_000_000)]) as stage:
        reader, writer = await stage.connect()
        writer.write(request("GET", "/elsewhere", body=b""))
        await reader.readexactly(1000)
        writer.transport.abort()
        await eventually(lambda: stage.vendor.open == 0)


@pytest.mark.parametrize("target", ["/lead/update", "/elsewhere"])
async def test_a_vendor_that_hangs_up_is_502_and_not_asked_again(target: str) -> None:
    async with staged(lambda _: None) as stage:
        found = await stage.ask(request("POST", target))
    assert (found.status, len(stage.vendor.seen)) == (502, 1)
    assert json.loads(found.body) == {
        "error": "the connection to LeadSquared broke: ServerDisconnectedError",
        "details": [],
    }
    assert stage.traffic.story == ["lost", "connection_error", "connection"]


async def test_a_connection_that_the_vendor_closed_meanwhile_is_not_tried_twice_either() -> None:
    async with staged(accept) as stage:
        assert (await stage.ask(request())).status == 200
        stage.vendor.script = lambda _: None
        assert (await stage.ask(request("GET", "/elsewhere", body=b""))).status == 502
        assert len(stage.vendor.seen) == 2


async def test_a_vendor_that_is_not_there_is_502() -> None:
    async with staged(accept) as stage:
        stage.traffic.account = replace(stage.traffic.account, base_url="http://127.0.0.1:1")
        found = await stage.ask(request())
    assert (found.status, found.values("content-type")) == (502, ["application/json; charset=utf-8"])
    assert json.loads(found.body)["error"].startswith("no connection to LeadSquared: ")
    assert stage.traffic.story == ["connection_error", "connection"]


@pytest.mark.parametrize("target", ["/lead/update", "/elsewhere"])
async def test_a_silent_vendor_is_504(target: str) -> None:
    async with staged(lambda _: [], source=replace(SOURCE, timeout=0.1)) as stage:
        found = await stage.ask(request("POST", target))
    assert (found.status, json.loads(found.body)["error"]) == (504, "LeadSquared does not answer in time")
    assert stage.traffic.story == ["lost", "timeout", "timeout"]


async def test_a_vendor_that_is_silent_after_an_interim_answer_is_504() -> None:
    async with staged(lambda _: [b"HTTP/1.1 102 Processing\r\n\r\n"], source=replace(SOURCE, timeout=0.1)) as stage:
        assert (await stage.ask(request())).status == 504


async def test_an_answer_that_is_no_http_is_502() -> None:
    async with staged(lambda _: [b"SSH-2.0-OpenSSH\r\n\r\n"]) as stage:
        assert (await stage.ask(request("GET", "/elsewhere", body=b""))).status == 502
    assert stage.traffic.story == ["lost", "connection_error", "invalid_response"]


@pytest.mark.parametrize(("status", "kind", "unrecorded"), [("200 OK", "200", 1), ("429 Too Many", "429", 0)])
async def test_a_submission_whose_answer_breaks_off_is_502_and_counted_where_it_was_accepted(
    status: str, kind: str, unrecorded: int
) -> None:
    async with staged(lambda _: [answer(BODY, status=status)[:-10]]) as stage:
        stage.vendor.hang_up = True
        found = await stage.ask(request())
    assert (found.status, stage.intake.ids) == (502, [])
    assert stage.traffic.story == [kind, "invalid_response"]
    assert stage.meter.unrecorded == unrecorded


async def test_a_submission_whose_answer_is_silent_halfway_is_504_and_counted() -> None:
    async with staged(lambda _: [answer(BODY)[:-10]], source=replace(SOURCE, timeout=0.1)) as stage:
        assert (await stage.ask(request())).status == 504
    assert (stage.traffic.story, stage.meter.unrecorded) == (["200", "timeout"], 1)


async def test_an_answer_that_is_no_http_from_its_middle_on_breaks_off_for_the_application_too() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await begun.wait()
        writer.write(b"no length\r\n")
        await reader.read()
        writer.close()

    begun = asyncio.Event()
    async with staged(accept) as stage:
        server = await stage.served_by(serve)
        reader, writer = await stage.connect()
        writer.write(request("GET", "/elsewhere", body=b""))
        await read_head(reader)
        assert await reader.readexactly(8) == b"3\r\nabc\r\n"
        begun.set()
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
        server.close()
    assert stage.traffic.story == ["200", "invalid_response"]


@pytest.mark.parametrize("codings", [["gzip, chunked"], ["gzip", "chunked"], ["gzip"]])
async def test_an_answer_that_is_packed_for_one_connection_only_is_502(codings: list[str]) -> None:
    headers = [f"Transfer-Encoding: {coding}" for coding in codings]
    packed = answer(b"3\r\nabc\r\n0\r\n\r\n", *headers, length=False)
    async with staged(lambda _: [packed]) as stage:
        found = await stage.ask(request("GET", "/elsewhere", body=b""))
    assert (found.status, json.loads(found.body)["error"]) == (
        502,
        "LeadSquared's answer has a transfer coding that nobody asked for",
    )


async def test_an_answer_that_breaks_off_halfway_breaks_off_for_the_application_too() -> None:
    async with staged(lambda _: [answer(b"x" * 200_000)[:-10]]) as stage:
        stage.vendor.hang_up = True
        reader, writer = await stage.connect()
        writer.write(request("GET", "/elsewhere", body=b""))
        assert (await read_head(reader)).values("content-length") == ["200000"]
        assert len(await asyncio.wait_for(reader.read(), 5.0)) < 200_000
        writer.close()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(BODY)),
        ("gzip", gzip.compress(BODY[:20]) + gzip.compress(BODY[20:])),
        ("deflate", zlib.compress(BODY)),
        ("deflate", zlib.compress(BODY)[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(BODY))),
        ("identity", BODY),
        ("br", brotli.compress(BODY)),
        ("zstd", zstd.compress(BODY)),
        ("zstd", zstd.compress(BODY[:20]) + zstd.compress(BODY[20:])),
        ("br, gzip", gzip.compress(brotli.compress(BODY))),
    ],
)
async def test_a_compressed_answer_passes_untouched_and_is_read_all_the_same(coding: str, packed: bytes) -> None:
    async with staged(lambda _: [answer(packed, f"Content-Encoding: {coding}")]) as stage:
        found = await stage.ask(request())
    assert (found.body, found.values("content-encoding")) == (packed, [coding])
    assert stage.intake.ids == [REQUEST_ID]


@pytest.mark.parametrize(
    ("headers", "body", "why"),
    [
        (
            ["Content-Encoding: gzip"],
            gzip.compress(b" " * 50_000_000 + BODY),
            "a submission's answer without a RequestID that can be read",
        ),
        (
            ["Content-Encoding: br"],
            brotli.compress(b" " * 50_000_000 + BODY, quality=1),
            "a submission's answer without a RequestID that can be read",
        ),
        (["Content-Encoding: br"], b"not brotli", "an answer that is not br, as it says it is"),
        (["Content-Encoding: zstd"], b"not zstd", "an answer that is not zstd, as it says it is"),
        (["Content-Encoding: gzip"], b"not gzip", "an answer that is not gzip, as it says it is"),
        (["Content-Encoding: rot13"], BODY, "an answer in a content coding that can't be read here"),
        ([], b"<html>", "a submission's answer without a RequestID that can be read"),
        ([], b'{"RequestID": "no id/"}', "a submission's answer without a RequestID that can be read"),
        ([], b" " * 1_100_000 + BODY, "a submission's answer of more than 1 MiB"),
    ],
)
async def test_a_submission_that_can_not_be_read_passes_and_is_counted(
    headers: list[str], body: bytes, why: str
) -> None:
    async with staged(lambda _: [answer(body, *headers)]) as stage:
        found = await stage.ask(request())
    assert found.body == body
    assert (stage.intake.ids, stage.meter.unrecorded) == ([], 1)
    assert stage.health.story[-1] == f"gateway refused 1: {why}"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("429 Too Many", b'{"message": "Too Many Requests"}', "rate_limited"),
        ("200 OK", b'{"Status": "Error", "ExceptionType": "MXAPIRateLimitExceededException"}', "rate_limited"),
        ("401 Unauthorized", b"", "unauthorized"),
        ("403 Forbidden", b'{"message": "Forbidden"}', "forbidden"),
        ("404 Not Found", b"", "not_found"),
        ("400 Bad Request", b'{"message": "does not exist"}', "bad_request"),
        ("500 Oh", b'{"Status":"Error","ExceptionType":"MXUnknownAttributeException"}', "server_error"),
        ("200 OK", b'{"Status": "Error", "ExceptionType": "MXException"}', "server_error"),
    ],
)
async def test_an_error_passes_and_is_counted_by_kind(status: str, body: bytes, kind: str) -> None:
    async with staged(lambda _: [answer(body, status=status)]) as stage:
        found = await stage.ask(request())
    assert (found.line, found.body) == (f"HTTP/1.1 {status}", body)
    assert stage.traffic.story == [status[:3], kind]
    assert (stage.intake.ids, stage.meter.unrecorded) == ([], 0)


async def test_what_passes_is_told_by_its_answer_alone_where_nothing_is_known_of_it() -> None:
    async with staged(lambda _: [answer(b'{"message": "rate limit"}')]) as stage:
        await stage.ask(request("GET", "/elsewhere", body=b""))
    assert stage.traffic.story == ["200", "good"]


async def test_a_status_answer_that_passes_is_heard() -> None:
    body = b'{"RequestId": "%s", "TaskStatus": {"Status": "Success"}}' % REQUEST_ID.encode()
    async with staged(lambda _: [answer(gzip.compress(body), "Content-Encoding: gzip", chunked=True)]) as stage:
        found = await stage.ask(request("GET", f"/lead/status?RequestID={REQUEST_ID}", body=b""))
    assert gzip.decompress(found.body) == body
    ((request_id, api, report),) = stage.traffic.heard_of
    assert (request_id, api, report.status) == (REQUEST_ID, "lead_capture", Status.SUCCESS)


async def test_a_proxy_request_that_names_another_host_stays_at_the_account() -> None:
    async with staged(accept) as stage:
        await stage.ask(request("GET", "http://elsewhere.example/a?b=c", body=b""))
        assert stage.vendor.seen[0].line == "GET /a?b=c HTTP/1.1"
        assert (await stage.ask(request("OPTIONS", "*", body=b""))).status == 501
    assert len(stage.vendor.seen) == 1


async def test_an_answer_in_a_coding_that_is_not_installed_passes_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(encoding._DECODERS, "br")
    packed = brotli.compress(BODY)
    async with staged(lambda _: [answer(packed, "Content-Encoding: br")]) as stage:
        assert (await stage.ask(request())).body == packed
    assert (stage.intake.ids, stage.meter.unrecorded) == ([], 1)
    assert stage.health.story[-1] == (
        "gateway refused 1: an answer in content coding br, which needs pip install 'leadsquared-exporter[codings]'"
    )


@pytest.mark.parametrize("accepted", [None, "br;q=1, zstd", ""])
async def test_what_an_application_accepts_is_not_changed(accepted: str | None) -> None:
    headers = [] if accepted is None else [f"Accept-Encoding: {accepted}"]
    async with staged(accept) as stage:
        await stage.ask(request("POST", "/lead/update", *headers))
    assert stage.vendor.seen[0].values("accept-encoding") == ([] if accepted is None else [accepted])


@pytest.mark.parametrize(
    "given", [b"GET /\x00 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/9\r\n\r\n"]
)
async def test_what_is_no_http_gets_an_error_as_json_and_the_end(given: bytes) -> None:
    async with staged(accept) as stage:
        reader, writer = await stage.connect()
        writer.write(given)
        found = await read_answer(reader)
        assert await reader.read() == b""
        writer.close()
    assert (found.status, found.values("content-type")) == (400, ["application/json; charset=utf-8"])
    assert json.loads(found.body) == {"error": "not HTTP; nothing was sent to LeadSquared", "details": []}
    assert stage.vendor.seen == []


async def test_a_defect_is_an_error_as_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(accept) as stage:
        monkeypatch.setattr(stage.traffic, "begin", None)
        found = await stage.ask(request())
    assert (found.status, json.loads(found.body)["error"]) == (
        500,
        "internal error of the gateway; LeadSquared may have had the call",
    )
