"""An address where a gateway listens, and the connections that came in there."""

from exporter import address
from exporter.gateway.messages import refusal
from exporter.http.request import Reply
from exporter.http.room import Room
from exporter.http.server import Handle, Server

STOP_SECONDS = 3.0


class Door:
    """`url` is None until it is open. Needs a running event loop."""

    def __init__(self, listen: str, handle: Handle, *, room: Room, name: str) -> None:
        self.listen = listen
        self.url: str | None = None
        self._server = Server(handle, _refused, room=room, name=name)

    async def open(self, *, option: str) -> None:
        """Raises StartupError."""
        bound = await address.bound(self.listen, option=option)
        self._server.listen(bound)
        self.url = address.url("http", bound)

    async def retire(self) -> None:
        """Nobody comes in any more. Whoever is in is served once more and told to come no more, so that no call breaks off."""
        self.url = None
        self._server.retire()
        await self._server.deaf()

    @property
    def in_use(self) -> bool:
        return bool(self._server.connections)

    async def close(self) -> None:
        """No new connections, and a few seconds for the calls under way."""
        self.url = None
        await self._server.close(STOP_SECONDS)


_REFUSALS = {
    400: "not HTTP; nothing was sent to LeadSquared",
    414: "the target of the request is too long; nothing was sent to LeadSquared",
    501: "a method or a transfer coding that is not spoken here; nothing was sent to LeadSquared",
    500: "internal error of the gateway; LeadSquared may have had the call",
}


def _refused(status: int) -> Reply:
    """What can't be parsed can't be passed on, and what fails in here was perhaps sent: it is not for us to know."""
    return refusal(status, _REFUSALS[status])
