"""The Transport over a real network."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from exporter.errors import CallTimeout, ConnectionFailed, InvalidResponse
from exporter.http.client import Client
from exporter.http.connection import Answer, Patience
from exporter.http.fields import Fields
from exporter.http.place import Place
from exporter.http.trouble import HttpTrouble, MalformedError, NoConnectionError, PatienceError
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer

_READ_LATER = {b"retry-after": "retry-after", b"date": "date"}
_MOST_WRITTEN = 4096
_LENGTHS = frozenset(map(len, _READ_LATER))


class NetworkTransport:
    """One client for all accounts. It never repeats a call, because that call would be in nobody's budget."""

    def __init__(self) -> None:
        self._client = Client()
        self._written: dict[int, tuple[Mapping[str, str], bytes]] = {}

    async def get(self, place: Place, target: str, *, headers: Mapping[str, str], timeout: float) -> RawAnswer:
        message = place.head("GET", target, self._lines(headers))
        try:
            answer = await self._client.ask(place, message, without_body=False, patience=_patience(timeout))
            body = answer.body.take() if answer.body.ended else await _read(answer)
        except HttpTrouble as trouble:
            raise _translated(trouble, timeout) from trouble
        return RawAnswer(answer.status, ReadLater(answer.fields), body)

    async def close(self) -> None:
        await self._client.close()

    def _lines(self, headers: Mapping[str, str]) -> bytes:
        """Most calls of an account have the same object, which is held here, so that its number stays its own."""
        known = self._written.get(id(headers))
        if known is not None:
            return known[1]
        if len(self._written) >= _MOST_WRITTEN:
            self._written.clear()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
        self._written[id(headers)] = headers, lines
        return lines


@lru_cache(maxsize=8)
def _patience(seconds: float) -> Patience:
    return Patience(connect=seconds, total=seconds)


async def _read(answer: Answer) -> bytes:
    """The body, cut one byte past the bound. What is left unread ends the connection."""
    parts: list[bytes] = []
    room = BODY_LIMIT + 1
    try:
        while room > 0 and (part := await answer.body.next()):
            parts.append(part[:room])
            room -= len(part)
    finally:
        answer.close()
    return b"".join(parts)


class ReadLater(Mapping[str, str]):
    """The fields of an answer that are read of it, and no others. Nearly always nobody asks for them, so that they are looked for
    when somebody does."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())

    def _found(self) -> dict[str, str]:
        return {
            _READ_LATER[key]: value.strip().decode("latin-1")
            for name, value in self._fields
            if len(name) in _LENGTHS and (key := name.lower()) in _READ_LATER
        }


def _translated(trouble: HttpTrouble, timeout: float) -> CallTimeout | ConnectionFailed | InvalidResponse:
    if isinstance(trouble, PatienceError):
        return CallTimeout(f"no answer within {timeout:g} s")
    if isinstance(trouble, NoConnectionError):
        return ConnectionFailed(f"no connection: {trouble}", sent=False)
    if isinstance(trouble, MalformedError):
        return InvalidResponse("an answer that breaks HTTP")
    return ConnectionFailed(f"the connection broke: {type(trouble.__cause__ or trouble).__name__}")
