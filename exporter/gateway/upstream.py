"""Calls LeadSquared for the application: once, whatever comes of it."""

from collections.abc import AsyncIterator

from exporter.errors import CallTimeout, ConnectionFailed, InvalidResponse
from exporter.http.client import Client
from exporter.http.connection import Answer, Patience
from exporter.http.fields import tokens
from exporter.http.place import Place
from exporter.http.trouble import HttpTrouble, MalformedError, NoConnectionError, PatienceError

# The body of a request: whole, or in parts as they come.
Body = bytes | AsyncIterator[bytes]


class Upstream:
    """`timeout` seconds may pass without a byte. Needs a running event loop."""

    def __init__(self, *, timeout: float) -> None:
        self._client = Client()
        self.change(timeout=timeout)

    def change(self, *, timeout: float) -> None:
        """For the calls that begin from now on."""
        self._patience = Patience(connect=timeout, silence=timeout)

    async def call(
        self, place: Place, method: str, target: str, *, headers: bytes, body: Body, chunked: bool
    ) -> Answer:
        """The answer, once its headers are there. Raises CallTimeout, ConnectionFailed or InvalidResponse."""
        head = place.head(method, target, headers)
        without_body = method == "HEAD"
        try:
            if isinstance(body, bytes):
                message = head + (_one_chunk(body) if chunked else body)
                answer = await self._client.ask(place, message, without_body=without_body, patience=self._patience)
            else:
                answer = await self._client.send(
                    place, head, body, chunked=chunked, without_body=without_body, patience=self._patience
                )
        except HttpTrouble as trouble:
            raise translated(trouble) from trouble
        return _checked(answer)

    @property
    def in_use(self) -> int:
        """How many connections are open."""
        return self._client.open

    async def close(self) -> None:
        await self._client.close()


def _checked(answer: Answer) -> Answer:
    """Nobody asked for a transfer coding, and passed on as it is the body could be read by nobody. Raises InvalidResponse."""
    codings = answer.values(b"transfer-encoding")
    if codings and tokens(codings) not in ([b"chunked"], [b"identity"]):
        answer.close()
        raise InvalidResponse("LeadSquared's answer has a transfer coding that nobody asked for")
    return answer


def _one_chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"


def translated(trouble: HttpTrouble) -> CallTimeout | ConnectionFailed | InvalidResponse:
    """What went wrong on the way to LeadSquared, before or within the answer."""
    if isinstance(trouble, PatienceError):
        return CallTimeout("LeadSquared does not answer in time")
    if isinstance(trouble, NoConnectionError):
        return ConnectionFailed(f"no connection to LeadSquared: {trouble}", sent=False)
    if isinstance(trouble, MalformedError):
        return InvalidResponse("LeadSquared's answer breaks HTTP or breaks off")
    return ConnectionFailed(f"the connection to LeadSquared broke: {type(trouble.__cause__ or trouble).__name__}")
