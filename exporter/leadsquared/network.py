"""The Transport over a real network, with aiohttp."""

from collections.abc import Mapping
from functools import lru_cache

import aiohttp

from exporter.errors import CallTimeout, ConnectionFailed, InvalidResponse
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer

# Long enough to be reused by the next poll of a busy account, short enough not to meet the vendor's own idle limit of 60 s.
KEEP_ALIVE_SECONDS = 30.0
# asyncio takes 256 KiB for every receive and gives back what the answer left free.
RECEIVE_BYTES = 256 * 1024


def open_connector() -> aiohttp.TCPConnector:
    """Connections to LeadSquared, as many as there are calls. Needs a running event loop."""
    _keep_receive_buffers()
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)


def open_session() -> aiohttp.ClientSession:
    """A session that never repeats a call by itself. Needs a running event loop."""
    session = aiohttp.ClientSession(
        connector=open_connector(), cookie_jar=aiohttp.DummyCookieJar(), raise_for_status=False
    )
    if not hasattr(session, "_retry_connection"):
        raise RuntimeError("this aiohttp can't be kept from repeating calls")
    session._retry_connection = False
    return session


class NetworkTransport:
    """One session for all accounts. It never repeats a call: neither a redirect nor aiohttp's own second try of a GET
    whose connection was closed by the server, because that call would be in nobody's budget.
    """

    def __init__(self) -> None:
        self._session = open_session()

    async def get(
        self, url: str, *, params: Mapping[str, str], headers: Mapping[str, str], timeout: float
    ) -> RawAnswer:
        try:
            async with self._session.get(
                url, params=params, headers=headers, timeout=_limit(timeout), allow_redirects=False
            ) as response:
                body = await _read(response)
                return RawAnswer(response.status, _lower(response.headers), body)
        except TimeoutError as error:
            raise CallTimeout(f"no answer within {timeout:g} s") from error
        except aiohttp.ClientConnectorError as error:
            raise ConnectionFailed(f"no connection: {error.os_error}", sent=False) from error
        except (aiohttp.ClientPayloadError, aiohttp.http.HttpProcessingError, aiohttp.ClientResponseError) as error:
            raise InvalidResponse("an answer that breaks HTTP") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(f"the connection broke: {type(error).__name__}") from error

    async def close(self) -> None:
        await self._session.close()


def _keep_receive_buffers() -> None:
    """Have glibc serve receives from the heap: it maps blocks of their size anew each time (three system calls and a page
    fault a poll) until a larger block has been freed once."""
    bytes(2 * RECEIVE_BYTES)


@lru_cache(maxsize=8)
def _limit(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, cut one byte past the bound. What is left unread closes the connection."""
    parts: list[bytes] = []
    room = BODY_LIMIT + 1
    while room > 0 and not response.content.at_eof() and (part := await response.content.read(room)):
        parts.append(part)
        room -= len(part)
    if room <= 0:
        response.close()
    return b"".join(parts)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are read later, and no others: a dict of all of them costs more than parsing a status."""
    return {name: headers[name] for name in ("retry-after", "date") if name in headers}
