"""Answers that are framed oddly, cut anywhere, or end anywhere."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.http.place import place
from exporter.http.trouble import HttpTrouble, MalformedError, ServerDisconnectedError
from tests import loops
from tests.http.stage import Remote, ask, calling, eventually, listening

LINE = b"HTTP/1.1 200 OK\r\n"
CHUNKED = LINE + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH_3 = LINE + b"Content-Length: 3\r\n\r\n"

# What comes, and the body that is read; nothing is said after it.
READ = {
    "a length": (LENGTH_3 + b"abc", b"abc"),
    "no body": (LINE + b"Content-Length: 0\r\n\r\n", b""),
    "a length without a blank": (LINE + b"Content-Length:3\r\n\r\nabc", b"abc"),
    "a length with many": (LINE + b"Content-Length:  \t 3  \r\n\r\nabc", b"abc"),
    "leading zeros": (LINE + b"Content-Length: 0003\r\n\r\nabc", b"abc"),
    "chunks": (CHUNKED + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc"),
    "chunks in capitals": (LINE + b"TRANSFER-ENCODING: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "sizes with zeros": (CHUNKED + b"0003\r\nabc\r\n000\r\n\r\n", b"abc"),
    "extensions": (CHUNKED + b'3;a=1;b="2"\r\nabc\r\n0;c\r\n\r\n', b"abc"),
    "a blank behind a size": (CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", b"abc"),
    "trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nX: 1\r\nDate: x\r\n\r\n", b"abc"),
    "interim answers": (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Hint\r\nX: 1\r\n\r\n" + LENGTH_3 + b"abc", b"abc"),
    "line ends before it": (b"\r\n\r\n" + LENGTH_3 + b"abc", b"abc"),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "an empty reason": (b"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "LF alone": (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", b"abc"),
    "a folded field": (LINE + b"X: a\r\n b\r\n\tc\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "a blank before the colon": (LINE + b"Content-Length : 3\r\n\r\nabc", b"abc"),
    "a blank before a name": (LINE + b" Content-Length: 3\r\n\r\nabc", b"abc"),
    "any bytes in a value": (LINE + b"X: a\x01\x7f\xffb\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "LF behind a chunk": (CHUNKED + b"3\r\nabc\n0\r\n\r\n", b"abc"),
    "an empty value": (LINE + b"X:\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "an unknown status": (b"HTTP/1.1 999 Oh\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
}
# The same, where the body ends with the connection.
ENDING = {
    "no length": (LINE + b"\r\nabc", b"abc"),
    "no length and nothing": (LINE + b"\r\n", b""),
    "identity": (LINE + b"Transfer-Encoding: identity\r\n\r\nabc", b"abc"),
    "HTTP/1.0 without a length": (b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc"),
}
REFUSED = {
    "no HTTP": b"SSH-2.0-OpenSSH_9\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "garbage": b"\x00\x01garbage\r\n\r\n",
    "another version": b"HTTP/3.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "a short status": b"HTTP/1.1 20 OK\r\nContent-Length: 3\r\n\r\nabc",
    "no status": b"HTTP/1.1 OK\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "a status below all": b"HTTP/1.1 000 OK\r\nContent-Length: 3\r\n\r\nabc",
    "a status too low": b"HTTP/1.1 099 OK\r\nContent-Length: 3\r\n\r\nabc",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "another protocol unnamed": b"HTTP/1.1 101 Switching\r\n\r\n",
    "no colon": LINE + b"Content-Length 3\r\n\r\nabc",
    "no name": LINE + b": 3\r\n\r\nabc",
    "NUL in a value": LINE + b"X: a\x00b\r\nContent-Length: 3\r\n\r\nabc",
    "more before the answer than the bound": b"HTTP/1.1 103 Hint\r\nX: 12345678901234567890\r\n\r\n" * 2_000,
    "a tab before the colon": LINE + b"Content-Length\t: 3\r\n\r\nabc",
    "two names": LINE + b"X Content-Length: 3\r\n\r\nabc",
    "a length in a trailer": CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n",
    "a length that is none": LINE + b"Content-Length: x\r\n\r\nabc",
    "a negative length": LINE + b"Content-Length: -3\r\n\r\nabc",
    "a signed length": LINE + b"Content-Length: +3\r\n\r\nabc",
    "an endless length": LINE + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "two lengths in one": LINE + b"Content-Length: 3, 3\r\n\r\nabc",
    "two lengths": LINE + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a length twice": LINE + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length and chunks": LINE + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunks and length": LINE + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "CR alone": LINE + b"X: a\rContent-Length: 3\r\n\r\nabc",
    "a size that is none": CHUNKED + b"g\r\nabc\r\n0\r\n\r\n",
    "a size with 0x": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a negative size": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "an endless size": CHUNKED + b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "no size": CHUNKED + b"\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer": CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
    "a chunk that is shorter": CHUNKED + b"5\r\nabc\r\n0\r\n\r\n",
}
LINGER_RESET = struct.pack("ii", 1, 0)


def one_by_one(told: bytes) -> list[bytes]:
    return [told[place : place + 1] for place in range(len(told))]


async def answers(pieces: Sequence[bytes], *, keep: bool = True) -> tuple[bytes, bytes]:
    """The body of what is told twice over: the second call shows in what state the first left the connection."""
    remote = Remote(lambda _: pieces, keep=keep)
    async with listening(remote.serve) as port, calling() as client:
        where = place(f"http://127.0.0.1:{port}")
        found = [(await ask(client, where))[1] for _ in range(2)]
        assert len(remote.heads) == 2
    return found[0], found[1]


@pytest.mark.parametrize("cut", [lambda told: [told], one_by_one], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", READ)
async def test_what_is_odd_and_clear_is_read(name: str, cut: Callable[[bytes], list[bytes]]) -> None:
    told, body = READ[name]
    assert await answers(cut(told)) == (body, body)


@pytest.mark.parametrize("cut", [lambda told: [told], one_by_one], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", ENDING)
async def test_a_body_may_end_with_its_connection(name: str, cut: Callable[[bytes], list[bytes]]) -> None:
    told, body = ENDING[name]
    assert await answers(cut(told), keep=False) == (body, body)


@pytest.mark.parametrize("cut", [lambda told: [told], one_by_one], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_can_be_read_in_two_ways_is_not_read(name: str, cut: Callable[[bytes], list[bytes]]) -> None:
    remote = Remote(lambda _: cut(REFUSED[name]))
    async with listening(remote.serve) as port, calling() as client:
        with pytest.raises(MalformedError):
            await ask(client, place(f"http://127.0.0.1:{port}"))
        await eventually(lambda: client.open == 0)
        assert len(remote.heads) == 1


class Dying:
    """Tells the first `length` bytes of something, and ends the connection, by a reset or not."""

    def __init__(self, told: bytes, *, reset: bool) -> None:
        self.length = 0
        self.calls = 0
        self._told = told
        self._reset = reset

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.calls += 1
        writer.write(self._told[: self.length])
        await writer.drain()
        if self._reset:
            # What was not read yet when a reset comes is lost: let it be read.
            await asyncio.sleep(0.001)
            connected: socket.socket = writer.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
            writer.transport.abort()
        else:
            writer.close()


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "name", ["a length", "chunks", "extensions", "trailers", "interim answers", "LF alone", "HTTP/1.0"]
)
async def test_an_answer_that_ends_at_any_byte_but_its_last_is_none(name: str, reset: bool) -> None:
    told, body = READ[name]
    dying = Dying(told, reset=reset)
    async with listening(dying.serve) as port, calling() as client:
        where = place(f"http://127.0.0.1:{port}")
        for dying.length in range(len(told)):
            with pytest.raises((MalformedError, ServerDisconnectedError)):
                await ask(client, where)
        dying.length = len(told)
        assert (await ask(client, where))[1] == body
        assert dying.calls == len(told) + 1
        await eventually(lambda: client.open == 0)


async def test_a_name_is_handed_on_without_the_blank_that_would_hide_it() -> None:
    remote = Remote(lambda _: [READ["a blank before the colon"][0]])
    async with listening(remote.serve) as port, calling() as client:
        answer, _ = await ask(client, place(f"http://127.0.0.1:{port}"))
    assert answer.fields == [(b"Content-Length", b"3")]


async def test_control_characters_are_handed_on_as_blanks() -> None:
    told = b"HTTP/1.1 200 a\x00b\x01\x7f\x85\r\nX: a\x01\t\x1b\x7f\xffb\r\nContent-Length: 0\r\n\r\n"
    for cut in (lambda told: [told], one_by_one):
        remote = Remote(lambda _, cut=cut: cut(told))  # type: ignore[misc]
        async with listening(remote.serve) as port, calling() as client:
            answer, _ = await ask(client, place(f"http://127.0.0.1:{port}"))
        assert (answer.reason, answer.values(b"x")) == (b"a b  \x85", [b"a \t  \xffb"])


async def test_where_only_the_end_tells_the_length_a_reset_is_no_end() -> None:
    told, _ = ENDING["no length"]
    dying = Dying(told, reset=True)
    async with listening(dying.serve) as port, calling() as client:
        for dying.length in range(len(told) + 1):
            with pytest.raises((MalformedError, ServerDisconnectedError)):
                await ask(client, place(f"http://127.0.0.1:{port}"))


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(READ)), places=st.lists(st.integers(1, 120), max_size=10))
def test_an_answer_is_the_same_however_it_is_cut(name: str, places: list[int]) -> None:
    told, body = READ[name]
    edges = [0, *sorted({place for place in places if place < len(told)}), len(told)]
    pieces = [told[start:end] for start, end in pairwise(edges)]
    assert loops.run(answers(pieces)) == (body, body)


async def _reads_or_refuses(told: bytes) -> None:
    remote = Remote(lambda _: [told], keep=False)
    async with listening(remote.serve) as port, calling() as client:
        with suppress(HttpTrouble):
            await ask(client, place(f"http://127.0.0.1:{port}"))
        await eventually(lambda: client.open == 0)
        assert len(remote.heads) == 1


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(sorted(READ)),
    places=st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=0, max_size=3)), min_size=1, max_size=4),
)
def test_whatever_bytes_come_a_call_ends_and_its_connection_too(name: str, places: list[tuple[int, bytes]]) -> None:
    told = READ[name][0]
    for place_, put in places:
        told = told[:place_] + put + told[place_ + 1 :]
    loops.run(_reads_or_refuses(told))
