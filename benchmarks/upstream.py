"""The fastest status API that asyncio can make, in a process of its own, so that what is measured is the asking side."""

import asyncio
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager

BODY = (
    '{"RequestID": "%s", "TaskStatus": {"TaskType": "Lead Update", "Status": "In-Queue", "StatusReason": null, '
    '"TaskCurrentStep": "In-Process-Queue", "TaskLastStep": null, "RequestBody": "[]", "Message": null}}'
)
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class _Answering(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            line, self._buffer = self._buffer[: self._buffer.index(b"\r\n")], self._buffer[end + 4 :]
            body = (BODY % line.split(b" ")[1].rpartition(b"=")[2].decode()).encode()
            assert self._transport is not None
            self._transport.write((HEAD % len(body)).encode() + body)


def _serve(listener: socket.socket) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Answering, sock=listener)
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def upstream() -> Iterator[str]:
    """Runs it on a free port of loopback; gives its base URL."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listener,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        process.terminate()
        process.join()
        listener.close()
