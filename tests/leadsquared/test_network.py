"""The transport, against a real server that counts what arrives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from exporter.errors import CallTimeout, ConnectionFailed, InvalidResponse
from exporter.http.place import place
from exporter.leadsquared.network import NetworkTransport
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer


class Door:
    """A bare HTTP server: `script` gives the bytes of the n-th answer, None to close without one."""

    def __init__(self, script: Callable[[int], bytes | None], *, keep: bool = True) -> None:
        self.calls: list[bytes] = []
        self._script = script
        self._keep = keep

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.calls.append(head)
                answer = self._script(len(self.calls))
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if not self._keep:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(door: Door) -> AsyncIterator[tuple[NetworkTransport, str]]:
    server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    transport = NetworkTransport()
    try:
        yield transport, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        await transport.close()
        server.close()


async def get(transport: NetworkTransport, url: str, *, timeout: float = 2.0) -> RawAnswer:
    return await transport.get(place(url), "/s?RequestID=a+b", headers={"x-api-key": "k"}, timeout=timeout)


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_an_answer_comes_back_with_its_code_and_body() -> None:
    door = Door(lambda _: ok(b"{}", "Retry-After: 3", "X-Other: 1"))
    async with served(door) as (transport, url):
        assert await get(transport, url) == RawAnswer(200, {"retry-after": "3"}, b"{}")
    assert door.calls[0].startswith(b"GET /s?RequestID=a+b HTTP/1.1\r\n")
    assert b"x-api-key: k\r\n" in door.calls[0]


async def test_a_call_whose_kept_connection_was_closed_is_not_sent_a_second_time() -> None:
    door = Door(lambda number: ok(b"{}") if number == 1 else None)
    async with served(door) as (transport, url):
        await get(transport, url)
        with pytest.raises(ConnectionFailed) as caught:
            await get(transport, url)
    assert caught.value.sent
    assert len(door.calls) == 2


async def test_a_redirect_is_not_followed() -> None:
    door = Door(lambda _: b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    async with served(door) as (transport, url):
        assert (await get(transport, url)).code == 302
    assert len(door.calls) == 1


async def test_no_answer_in_time_is_a_timeout() -> None:
    door = Door(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")
    async with served(door) as (transport, url):
        with pytest.raises(CallTimeout, match=r"no answer within 0\.1 s"):
            await get(transport, url, timeout=0.1)


async def test_a_refused_connection_was_never_sent() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    transport = NetworkTransport()
    with pytest.raises(ConnectionFailed) as caught:
        await get(transport, url)
    await transport.close()
    assert not caught.value.sent


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x01garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_an_answer_that_breaks_http_is_an_invalid_response(answer: bytes) -> None:
    async with served(Door(lambda _: answer, keep=False)) as (transport, url):
        with pytest.raises(InvalidResponse):
            await get(transport, url)


async def test_a_huge_body_is_cut_one_byte_past_the_bound() -> None:
    async with served(Door(lambda _: ok(b" " * (50 * 1024 * 1024)))) as (transport, url):
        assert len((await get(transport, url, timeout=20.0)).body) == BODY_LIMIT + 1
