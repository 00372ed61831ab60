"""What systemd wants to know of a service of Type=notify: that it is ready, that it stops, that it is alive."""

import asyncio
import socket
from collections.abc import Callable, Mapping

from exporter.log import get_logger

log = get_logger(__name__)


class Supervisor:
    """Says nothing where NOTIFY_SOCKET is not set, as in a container."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        # Twice within the time after which systemd gives the process up.
        self._interval = float(environment.get("WATCHDOG_USEC", "0")) / 2_000_000

    def ready(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    async def watch(self, unhealthy: Callable[[], str | None]) -> None:
        """Tell again and again that the process is alive, for as long as it is healthy."""
        while self._interval > 0:
            if unhealthy() is None:
                self._tell("WATCHDOG=1")
            await asyncio.sleep(self._interval)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        # A name that begins with @ lies in the abstract namespace.
        address = self._address.replace("@", "\0", 1) if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
                door.setblocking(False)
                door.sendto(state.encode(), address)
        except OSError as error:
            log.warning("systemd can't be told", state=state, error=error)
