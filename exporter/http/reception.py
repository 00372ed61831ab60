"""Lets connections in, as many as there is room for, and sends those away that only sit there."""

import asyncio
import errno
import resource
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from exporter.http.room import Room, Seat, peer
from exporter.log import get_logger

# How long a connection may be without its first byte, or within a TLS handshake.
FIRST_BYTE_SECONDS = 10.0
# … and without a whole request, or between two.
KEEP_ALIVE_SECONDS = 75.0
# … and without reading anything of its answer, once that is more than the network takes.
UNREAD_SECONDS = 75.0
_SWEEP_SECONDS = 1.0
# Where each newcomer costs another connection, so many come in a second at most.
_CROWDED_SECONDS = 0.002
_BLOCKED_SECONDS = 0.05
_SHORT_SECONDS = 0.25
_TOLD_SECONDS = 30.0
# More descriptors than that are of no use to this process.
_MOST_DESCRIPTORS = 4096
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = get_logger(__name__)

# Makes the protocol of a connection.
Welcome = Callable[[Seat], asyncio.BaseProtocol]


def descriptors() -> int:
    """How many the process may have open, once that is as many as it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


class Reception:
    """For all sockets of one listener; `name` is that which the log tells. Needs a running event loop."""

    def __init__(self, welcome: Welcome, room: Room, *, name: str, tls: ssl.SSLContext | None = None) -> None:
        self._welcome = welcome
        self._room = room
        self._hall = room.open()
        self._name = name
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._listening: dict[asyncio.Task[None], socket.socket] = {}
        self._coming: set[asyncio.Task[None]] = set()
        self._closing = self._crowded = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._told = -_TOLD_SECONDS

    def listen(self, bound: socket.socket) -> None:
        bound.setblocking(False)
        self._listening[self._loop.create_task(self._accept(bound))] = bound
        if self._sweeper is None:
            self._sweep()

    def close(self) -> None:
        """Nobody comes in any more, from this moment on."""
        self._closing = True
        self._room.close(self._hall)
        for task, bound in self._listening.items():
            with suppress(OSError):
                bound.shutdown(socket.SHUT_RDWR)
            task.cancel()

    async def closed(self) -> None:
        """Once the sockets are, and what was on its way in is in or gone."""
        tasks = [*self._listening, *self._coming]
        if self._tls is not None:
            # A handshake may take its time; all else takes a turn of the event loop.
            for task in self._coming:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for bound in self._listening.values():
            # A task that is cancelled before its first turn closes nothing.
            bound.close()

    def end(self) -> None:
        """There are no connections any more that would have to be looked after."""
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def _accept(self, bound: socket.socket) -> None:
        try:
            while not self._closing:
                await self._may()
                try:
                    connected, where = await self._loop.sock_accept(bound)
                except OSError as error:
                    await self._failed(error)
                else:
                    self._receive(connected, str(where[0]))
        finally:
            bound.close()

    async def _may(self) -> None:
        """Others have their turn between two, and what waits in the network while there is no room waits there."""
        await asyncio.sleep(_CROWDED_SECONDS if self._crowded else 0.0)
        while self._hall.blocked:
            self._tell("as many connections as may be are being answered; further ones wait")
            await asyncio.sleep(_BLOCKED_SECONDS)

    def _receive(self, connected: socket.socket, host: str) -> None:
        before = len(self._hall)
        seat = self._hall.enter(peer(host), until=self._loop.time() + FIRST_BYTE_SECONDS)
        self._crowded = len(self._hall) == before
        if self._crowded:
            self._tell("there are as many connections as may be; those that are idle make room for new ones")
        if seat is None:
            connected.close()
            return
        task = self._loop.create_task(self._let_in(connected, seat))
        seat.end = task.cancel
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _let_in(self, connected: socket.socket, seat: Seat) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._welcome(seat), connected, ssl=self._tls)
        except asyncio.CancelledError:
            seat.leave()
            connected.close()
        # uvloop has a RuntimeError for a socket that was closed meanwhile. What else goes wrong is the client's affair.
        except (OSError, RuntimeError):
            seat.leave()
            connected.close()

    async def _failed(self, error: OSError) -> None:
        """What came may be gone again already; what can't come for want of descriptors waits."""
        if error.errno in _SHORTAGES:
            self._hall.make_room()
        elif error.errno in (errno.ECONNABORTED, errno.EPROTO):
            return
        if not self._closing:
            self._tell("connections can't be accepted; tried again", error=error.strerror or str(error))
            await asyncio.sleep(_SHORT_SECONDS)

    def _tell(self, what: str, **fields: object) -> None:
        """Once in a while: a flood of connections must not become one of log lines."""
        now = self._loop.time()
        if now - self._told >= _TOLD_SECONDS:
            self._told = now
            log.warning(what, listener=self._name, connections=len(self._hall), bound=self._hall.most, **fields)

    def _sweep(self) -> None:
        for seat in self._hall.due(self._loop.time()):
            seat.end()
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
