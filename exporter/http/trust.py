"""TLS contexts of the client, made once and again when one of their files has changed."""

import asyncio
import ssl
from pathlib import Path

from exporter.config.settings import Tls
from exporter.config.tls import client_context
from exporter.errors import ConfigurationError
from exporter.http.trouble import NoConnectionError

_State = tuple[tuple[int, ...] | None, ...]


class Trust:
    """One context for all connections of the same settings: the system's authorities take 20 ms to read."""

    def __init__(self) -> None:
        self._contexts: dict[Tls, tuple[_State, ssl.SSLContext]] = {}

    async def context(self, tls: Tls) -> ssl.SSLContext:
        """As the files are now. Raises NoConnectionError where they can't be used."""
        state = tuple(_state(path) for path in (tls.ca_file, tls.cert_file, tls.key_file))
        known = self._contexts.get(tls)
        if known is not None and known[0] == state:
            return known[1]
        try:
            context = await asyncio.to_thread(client_context, tls)
        except ConfigurationError as error:
            raise NoConnectionError(f"tls can't be used: {error}") from error
        self._contexts[tls] = (state, context)
        return context


def _state(path: str | None) -> tuple[int, ...] | None:
    """That of the file behind all links, so that the swapped links of a mounted Kubernetes Secret are seen too."""
    if path is None:
        return None
    try:
        found = Path(path).stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
