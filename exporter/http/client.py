"""Calls servers: each call once, whatever comes of it, over connections that are kept by place."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from math import inf
from typing import Any

from exporter.http.connection import RECEIVE_BYTES, Answer, Connection, Patience
from exporter.http.dial import Dial
from exporter.http.place import Place
from exporter.http.trouble import NoConnectionError, PatienceError

# Long enough to be used again by the next poll of a busy account, short enough not to meet the vendor's own idle limit of 60 s.
IDLE_SECONDS = 30.0
# A name may lead elsewhere by now; a connection that never ended would never hear of it.
OLDEST_SECONDS = 50.0
_SWEEP_SECONDS = 10.0
_CLOSE_SECONDS = 1.0


class Client:
    """As many connections as there are calls at once. Needs a running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(RECEIVE_BYTES)
        self._dial = Dial(self._connection)
        self._places: dict[Connection, Place] = {}
        self._free: dict[Place, list[Connection]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def ask(
        self, place: Place, message: bytes, *, without_body: bool, patience: Patience
    ) -> Coroutine[Any, Any, Answer]:
        """Send a whole request; the answer, once its head is there. Raises HttpTrouble."""
        now = self._loop.time()
        until = now + patience.total
        connection = self._kept(place, now)
        if connection is None:
            return self._ask_anew(place, message, without_body=without_body, patience=patience, until=until)
        return connection.ask(message, without_body=without_body, silence=patience.silence, until=until)

    async def send(
        self,
        place: Place,
        head: bytes,
        parts: AsyncIterator[bytes],
        *,
        chunked: bool,
        without_body: bool,
        patience: Patience,
    ) -> Answer:
        """The same with a body that is still on its way here. The answer may come before the end of the body."""
        connection = self._kept(place, self._loop.time()) or await self._connected(place, patience)
        return await connection.send(head, parts, chunked=chunked, without_body=without_body, silence=patience.silence)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._places)

    async def _ask_anew(
        self, place: Place, message: bytes, *, without_body: bool, patience: Patience, until: float
    ) -> Answer:
        connection = await self._connected(place, patience)
        return await connection.ask(message, without_body=without_body, silence=patience.silence, until=until)

    async def close(self) -> None:
        """Every connection, whatever is on it."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._places):
            connection.transport.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                while self._places:  # noqa: ASYNC110  (a turn or two of the event loop)
                    await asyncio.sleep(0)

    def _kept(self, place: Place, now: float) -> Connection | None:
        """The one that was used last; one that has ended meanwhile, or is too old, is not used."""
        free = self._free.get(place)
        while free:
            connection = free.pop()
            if connection.usable(now - IDLE_SECONDS, now - OLDEST_SECONDS):
                return connection
            connection.close()
        return None

    async def _connected(self, place: Place, patience: Patience) -> Connection:
        # A task of its own, because who calls may be none, and a time limit needs one.
        dialling = self._loop.create_task(self._dialled(place, min(patience.connect, patience.total)))
        try:
            connection = await dialling
        except asyncio.CancelledError:
            # It may have succeeded in the same moment.
            dialling.add_done_callback(_hang_up)
            raise
        if self._closed or connection.gone:
            connection.transport.abort()
            raise NoConnectionError("it was closed before anything was sent")
        self._places[connection] = place
        return connection

    async def _dialled(self, place: Place, limit: float) -> Connection:
        try:
            async with asyncio.timeout(None if limit == inf else limit):
                return await self._dial.connect(place)
        except TimeoutError as error:
            raise PatienceError("no connection in time") from error

    def _connection(self) -> Connection:
        return Connection(self._buffer, freed=self._freed, lost=self._lost)

    def _freed(self, connection: Connection) -> None:
        place = self._places.get(connection)
        if self._closed or place is None or not place.keeps:
            connection.close()
            return
        connection.freed_at = self._loop.time()
        free = self._free.get(place)
        if free is None:
            free = self._free[place] = []
        free.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _lost(self, connection: Connection) -> None:
        place = self._places.pop(connection, None)
        free = self._free.get(place, []) if place is not None else []
        if connection in free:
            free.remove(connection)

    def _sweep(self) -> None:
        """Close what waited too long."""
        self._sweeper = None
        now = self._loop.time()
        for place, free in list(self._free.items()):
            kept = [one for one in free if one.usable(now - IDLE_SECONDS, now - OLDEST_SECONDS)]
            for connection in set(free).difference(kept):
                connection.close()
            if kept:
                self._free[place] = kept
            else:
                del self._free[place]
        if self._free:
            self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)


def _hang_up(dialling: "asyncio.Task[Connection]") -> None:
    if not dialling.cancelled() and dialling.exception() is None:
        dialling.result().transport.abort()
