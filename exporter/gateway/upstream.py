"""Calls LeadSquared for the application: once, whatever comes of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from exporter.errors import CallTimeout, ConnectionFailed, InvalidResponse
from exporter.leadsquared.network import open_session

# What the library would add to a request that lacks it.
_NOT_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
_LONGEST_HEADER = 64 * 1024


class Upstream:
    """`timeout` seconds may pass without a byte. Needs a running event loop."""

    def __init__(self, *, timeout: float) -> None:
        self._session = open_session(not_added=_NOT_ADDED)
        self._timeout = aiohttp.ClientTimeout(total=None, connect=timeout, sock_read=timeout)

    @asynccontextmanager
    async def call(self, method: str, url: str, *, headers: Any, data: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, once its headers are there. Raises CallTimeout, ConnectionFailed or InvalidResponse."""
        call = self._session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            data=data,
            allow_redirects=False,
            auto_decompress=False,
            timeout=self._timeout,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        answer = await _answer(call)
        try:
            yield answer
        finally:
            # What was not read to its end closes the connection.
            answer.release() if answer.content.is_eof() else answer.close()

    async def close(self) -> None:
        await self._session.close()


async def _answer(call: Any) -> aiohttp.ClientResponse:
    try:
        answer: aiohttp.ClientResponse = await call
    except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, TimeoutError, OSError) as error:
        raise translated(error) from error
    return answer


def translated(error: Exception) -> CallTimeout | ConnectionFailed | InvalidResponse:
    """What went wrong on the way to LeadSquared, before or within the answer."""
    if isinstance(error, TimeoutError):
        return CallTimeout("LeadSquared does not answer in time")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectionFailed(f"no connection to LeadSquared: {error.os_error}", sent=False)
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.http.HttpProcessingError | aiohttp.ClientResponseError):
        return InvalidResponse("LeadSquared's answer breaks HTTP or breaks off")
    return ConnectionFailed(f"the connection to LeadSquared broke: {type(error).__name__}")
