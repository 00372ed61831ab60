"""The client for threads."""

from types import TracebackType
from typing import Self

from exporter.client.handover import CLOSE_SECONDS, Handover


class Client(Handover):
    """A `Handover` whose callers wait for a flush."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Hands over what waits, without lingering. False where that took longer than `timeout` seconds."""
        return self._flush(timeout)

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Flushes, and drops what the exporter has not taken within `timeout` seconds; `counts` are final then."""
        self._close(timeout)
