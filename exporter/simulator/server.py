"""A Remote as an HTTP server. What a reply says is done to the connection is done to it."""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from aiohttp import web

from exporter import address
from exporter.clock import Clock, SteadyClock
from exporter.errors import ConfigurationError, StartupError
from exporter.simulator.options import SWITCHES, read_changes
from exporter.simulator.remote import LARGEST_BODY, Remote
from exporter.simulator.reply import Drop, Reply

ADMIN = "/simulator/"

# A hanging answer must not hold up the end.
_SHUTDOWN_SECONDS = 0.2

# Closing with this set sends a reset instead of an orderly end.
_RESET = struct.pack("ii", 1, 0)

_LINES_AT_A_TIME = 500


class SimulatorServer:
    """Listens on `host` and `port` (0: a free one) while started."""

    def __init__(self, remote: Remote, *, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None) -> None:
        self.remote = remote
        self._host = host
        self._port = port
        self._clock = clock or SteadyClock()
        self._started = self._clock.now()
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Raises StartupError when the address can't be listened on."""
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise StartupError(f"can't listen on {self._host}:{self._port}: {address.reason(error)}") from error
        self._port = runner.addresses[0][1]
        self._runner = runner

    def advance(self) -> None:
        """Let what was due until now have happened."""
        self.remote.advance(self._clock.now())

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(ADMIN):
            return await self._administrate(request)
        body = await _body(request) if request.can_read_body else b""
        reply = self.remote.handle(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=body,
            now=self._clock.now(),
        )
        if reply.delay:
            await asyncio.sleep(reply.delay)
        return await _perform(request, reply)

    async def _administrate(self, request: web.BaseRequest) -> web.StreamResponse:
        route = (request.method, request.path.removeprefix(ADMIN))
        if route == ("GET", "truth"):
            return web.json_response(self.remote.summary(self._clock.now()))
        if route == ("GET", "options"):
            return web.json_response(self._options())
        if route == ("POST", "options"):
            return self._change(await _body(request))
        if route == ("GET", "requests"):
            return await self._requests(request)
        if request.method == "POST" and route[1].startswith("accounts/"):
            return self._switch_key(*route[1].removeprefix("accounts/").rpartition("/")[::2])
        return _problem(404, f"the simulator has no {request.method} {request.path}")

    def _options(self) -> dict[str, object]:
        return {switch.name: getattr(self.remote.options, switch.field) for switch in SWITCHES}

    def _change(self, body: bytes) -> web.Response:
        try:
            values = json.loads(body)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            return _problem(400, 'the body must be a JSON object such as {"fault.reset": 0.1}')
        try:
            changes: dict[str, object] = read_changes(values)
            self.remote.options = replace(self.remote.options, **changes)  # type: ignore[arg-type]
        except ConfigurationError as error:
            return _problem(400, "nothing was changed", error.problems)
        return web.json_response(self._options())

    def _switch_key(self, name: str, action: str) -> web.Response:
        try:
            if action == "revoke":
                self.remote.revoke(name)
            elif action == "restore":
                self.remote.restore(name)
            else:
                return _problem(404, "an account can be told to revoke or restore its key")
        except KeyError:
            return _problem(404, f"the simulator has no account {name}")
        return web.json_response({"account": name, "key": f"{action}d"})

    async def _requests(self, request: web.BaseRequest) -> web.StreamResponse:
        """One JSON line a request, in the order of submission; times in seconds after the server was made."""
        self.remote.advance(self._clock.now())
        response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
        await response.prepare(request)
        lines = self._traces()
        while part := b"".join(islice(lines, _LINES_AT_A_TIME)):
            await response.write(part)
        await response.write_eof()
        return response

    def _traces(self) -> Iterator[bytes]:
        for fate in list(self.remote.truth.values()):
            yield json.dumps(fate.trace(self._started)).encode() + b"\n"


async def _body(request: web.BaseRequest) -> bytes:
    """The body, cut one byte past what the remote takes: it is the remote that refuses a larger one."""
    parts: list[bytes] = []
    room = LARGEST_BODY + 1
    while room > 0 and (part := await request.content.read(room)):
        parts.append(part)
        room -= len(part)
    return b"".join(parts)


async def _perform(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    if reply.drop is Drop.RESET:
        return _reset(request)
    if reply.drop is Drop.HALFWAY:
        return await _stop_halfway(request, reply)
    return web.Response(status=reply.code, headers=reply.headers, body=reply.body)


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    return web.Response()


async def _stop_halfway(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.code, headers={**reply.headers, "content-length": str(len(reply.body))})
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _problem(code: int, error: str, details: list[str] | None = None) -> web.Response:
    return web.json_response({"error": error, "details": details or []}, status=code)
