"""The client for an event loop: nothing of it ever holds the loop up."""

import asyncio
from types import TracebackType
from typing import Self

from exporter.client.handover import CLOSE_SECONDS, Handover


class AsyncClient(Handover):
    """A `Handover` whose callers await a flush."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Hands over what waits, without lingering. False where that took longer than `timeout` seconds."""
        return await asyncio.to_thread(self._flush, timeout)

    async def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Flushes, and drops what the exporter has not taken within `timeout` seconds; `counts` are final then."""
        await asyncio.to_thread(self._close, timeout)
