"""One at a time, and everyone in turn: who stands in line a hundred times waits no less for it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

MOST_WAITING = 16
MOST_LINES = 64


class Crowded(Exception):
    """There are too many in line."""


class Turns:
    """Lines are served one after the other, each by one. A line has MOST_WAITING at most, and there are MOST_LINES: beyond that
    the longest one loses its last."""

    def __init__(self) -> None:
        self._busy = False
        self._lines: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, line: Hashable) -> AsyncIterator[None]:
        """Raises Crowded."""
        if self._busy:
            await self._wait(line)
        self._busy = True
        try:
            yield
        finally:
            self._next()

    async def _wait(self, line: Hashable) -> None:
        self._make_room(line)
        waiter = asyncio.get_running_loop().create_future()
        waiting = self._lines.setdefault(line, deque())
        waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # Its turn came in the same moment.
                self._next()
            elif waiter in waiting:
                waiting.remove(waiter)
                self._tidy(line)
            raise

    def _make_room(self, line: Hashable) -> None:
        if len(self._lines.get(line, ())) >= MOST_WAITING:
            raise Crowded
        if line in self._lines or len(self._lines) < MOST_LINES:
            return
        longest = max(self._lines, key=lambda one: len(self._lines[one]))
        if len(self._lines[longest]) == 1:
            raise Crowded
        self._lines[longest].pop().set_exception(Crowded())

    def _tidy(self, line: Hashable) -> None:
        if line in self._lines and not self._lines[line]:
            del self._lines[line]

    def _next(self) -> None:
        """The first of the line that has waited for its turn for the longest; that line goes to the end."""
        while self._lines:
            line = next(iter(self._lines))
            waiting = self._lines.pop(line)
            waiter = waiting.popleft()
            if waiting:
                self._lines[line] = waiting
            if not waiter.done():
                waiter.set_result(None)
                return
        self._busy = False
