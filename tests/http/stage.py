"""A client, and a server that answers with given bytes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from exporter.http.client import Client
from exporter.http.connection import Answer, Patience
from exporter.http.place import Place, place

PATIENCE = Patience(connect=5.0, silence=5.0, total=10.0)
REQUEST = ("GET", "/a?b=c", b"X-One: 1\r\n")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Remote:
    """Answers the n-th request of all with the pieces that `script` gives for n, one write each; None: hangs up without a word.
    It hangs up behind the pieces where `keep` is false."""

    def __init__(self, script: Callable[[int], Sequence[bytes] | None], *, keep: bool = True) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self.url = ""
        self._script = script
        self._keep = keep

    @property
    def place(self) -> Place:
        return place(self.url)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                pieces = self._script(len(self.heads))
                for piece in pieces or ():
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if pieces is None or not self._keep:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port where each connection is served so."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        # The streams of the server end in turns of the event loop.
        for _ in range(5):
            await asyncio.sleep(0)


@asynccontextmanager
async def calling() -> AsyncIterator[Client]:
    client = Client()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def called(
    script: Callable[[int], Sequence[bytes] | None], *, keep: bool = True
) -> AsyncIterator[tuple[Client, Remote]]:
    remote = Remote(script, keep=keep)
    async with listening(remote.serve) as port, calling() as client:
        remote.url = f"http://127.0.0.1:{port}"
        yield client, remote


async def ask(
    client: Client, where: Place, *, method: str = "GET", body: bytes = b"", patience: Patience = PATIENCE
) -> tuple[Answer, bytes]:
    """One call, and its body. What is not read to its end ends the connection."""
    fields = b"Content-Length: %d\r\n" % len(body) if body else b""
    message = where.head(method, "/a?b=c", fields) + body
    answer = await client.ask(where, message, without_body=method == "HEAD", patience=patience)
    try:
        return answer, await whole(answer)
    finally:
        answer.close()


async def whole(answer: Answer) -> bytes:
    parts = []
    while part := await answer.body.next():
        parts.append(part)
    return b"".join(parts)


async def eventually(what: Callable[[], object]) -> None:
    async with asyncio.timeout(10.0):
        while not what():  # noqa: ASYNC110  (what is waited for knows nothing of events)
            await asyncio.sleep(0.002)


async def talk(port: int, *pieces: bytes, half_close: bool = False) -> bytes:
    """Send these bytes to a server, one write each, as far as it lets us, and read to the end; nothing where that is a reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        # uvloop has a RuntimeError for what is written to a connection that was reset.
        with suppress(ConnectionError, RuntimeError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if half_close:
                writer.write_eof()
        with suppress(ConnectionError):
            return await asyncio.wait_for(reader.read(), 10.0)
        return b""
    finally:
        writer.close()
