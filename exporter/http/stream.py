"""A body on its way in, in parts as they arrive."""

import asyncio
from typing import Protocol

# What arrives beyond this waits in the network until the reader has caught up.
MOST_AHEAD = 256 * 1024


class Inflow(Protocol):
    """Where the parts come from."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Stream:
    """Fed by a connection, read by one task."""

    __slots__ = ("_discards", "_error", "_inflow", "_parts", "_size", "_waiter", "ended")

    def __init__(self, inflow: Inflow) -> None:
        self.ended = False
        self._inflow = inflow
        self._parts: list[bytes] = []
        self._size = 0
        self._discards = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, part: bytes) -> None:
        if self._discards:
            return
        self._parts.append(part)
        self._size += len(part)
        if self._size > MOST_AHEAD:
            self._inflow.pause()
        if self._waiter is not None:
            self._wake()

    def end(self) -> None:
        self.ended = True
        if self._waiter is not None:
            self._wake()

    def fail(self, error: Exception) -> None:
        """Told to the reader once it has taken what came before. Too late for a body that is whole."""
        if not self.ended and self._error is None:
            self._error = error
            if self._waiter is not None:
                self._wake()

    def discard(self) -> None:
        """What has arrived, and what still will: it is read by nobody."""
        self._discards = True
        self.take()

    def take(self) -> bytes:
        """What has arrived, without waiting."""
        parts = self._parts
        found = parts[0] if len(parts) == 1 else b"".join(parts)
        if parts:
            self._parts = []
        if self._size > MOST_AHEAD:
            self._inflow.resume()
        self._size = 0
        return found

    async def next(self) -> bytes:
        """What has arrived, once something has; nothing at the end. Raises what went wrong behind it."""
        while not self._parts:
            if self.ended:
                return b""
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.take()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
