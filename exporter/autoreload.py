"""The configuration file, looked at again and again: where it is a mounted ConfigMap nobody is there to send a signal."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from pathlib import Path


class AutoReload:
    """Made before the file is read for the first time, so that no change is missed in between."""

    def __init__(self, path: Path, *, interval: float) -> None:
        """`interval` is in seconds; 0 never looks."""
        self._path = path
        self._interval = interval
        self._taken = self._digest()

    async def run(self, reload: Callable[[], Awaitable[bool]]) -> None:
        """`reload` tells whether it worked; a content that it refused is tried again: a key that it names may come later."""
        while self._interval > 0:
            await asyncio.sleep(self._interval)
            digest = self._digest()
            if digest != self._taken and await reload():
                self._taken = digest

    def _digest(self) -> bytes | None:
        """Of the content, since a swapped link changes neither the time nor the size of what it leads to; None without one."""
        try:
            return blake2b(self._path.read_bytes()).digest()
        except OSError:
            return None
