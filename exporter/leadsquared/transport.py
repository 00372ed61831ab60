"""One GET to LeadSquared: the seam between the client and the network."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from exporter.http.place import Place

BODY_LIMIT = 1024 * 1024


class RawAnswer(NamedTuple):
    """What came back. `body` is cut one byte past BODY_LIMIT; header names are lower case."""

    code: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends exactly one request, or none: never a retry, never a redirect, because each would be a call that nobody counted."""

    async def get(self, place: Place, target: str, *, headers: Mapping[str, str], timeout: float) -> RawAnswer:
        """`target` is path and query as they are sent; `headers` are not changed afterwards. Raises CallTimeout, ConnectionFailed
        or InvalidResponse."""

    async def close(self) -> None: ...
