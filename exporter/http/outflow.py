"""What is on its way out of a connection, no faster than the other side reads it."""

import asyncio


class Outflow:
    """Told by the event loop when the transport has too much to write, and awaited by who writes."""

    __slots__ = ("_error", "_full", "_waiters")

    def __init__(self) -> None:
        self._full = False
        self._error: Exception | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def pause(self) -> None:
        self._full = True

    def resume(self) -> None:
        self._full = False
        self._wake()

    def fail(self, error: Exception) -> None:
        """The connection is gone: nothing more can be written."""
        self._error = error
        self._wake()

    async def drained(self) -> None:
        """Once there is room for more. Raises what the connection ended with."""
        if self._error is None and self._full:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
