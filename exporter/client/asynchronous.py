"""The client for an event loop: nothing of it ever holds the loop up."""

import asyncio
import ssl
from datetime import datetime
from types import TracebackType
from typing import Self

from exporter.client.synchronous import Client, Counts
from exporter.running import URL


class AsyncClient:
    """A `Client` whose waiting is awaited. Its settings and promises are those of `Client`."""

    def __init__(
        self,
        url: str = URL,
        *,
        token: str | None = None,
        account: str | None = None,
        api: str | None = None,
        batch: int = 500,
        linger: float = 1.0,
        limit: int = 100_000,
        timeout: float = 10.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._client = Client(
            url,
            token=token,
            account=account,
            api=api,
            batch=batch,
            linger=linger,
            limit=limit,
            timeout=timeout,
            context=context,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def counts(self) -> Counts:
        return self._client.counts

    def watch(
        self,
        request_id: str,
        submitted_at: datetime | None = None,
        account: str | None = None,
        api: str | None = None,
    ) -> None:
        """Needs no await: it only notes. `submitted_at` needs a time zone; None means now."""
        self._client.watch(request_id, submitted_at, account=account, api=api)

    async def flush(self, timeout: float = 5.0) -> bool:
        """Hands over what waits, without lingering. False where that took longer than `timeout` seconds."""
        return await asyncio.to_thread(self._client.flush, timeout)

    async def close(self, timeout: float = 5.0) -> None:
        """Flushes, and drops what the exporter has not taken within `timeout` seconds."""
        await asyncio.to_thread(self._client.close, timeout)
