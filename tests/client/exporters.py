"""The web application of the exporter in a thread, as an application finds it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from exporter.web.application import build
from exporter.web.listen import Listeners
from tests.web.twins import MemoryBackend


@contextmanager
def exporting(backend: MemoryBackend) -> Iterator[str]:
    """The URL of a real server on loopback around the backend."""
    started = threading.Event()
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()
    urls: list[str] = []

    async def serve() -> None:
        listeners = Listeners(build(backend, telemetry_path="/metrics", enable_lifecycle=False), ["127.0.0.1:0"])
        urls.extend(await listeners.start())
        started.set()
        await stop.wait()
        await listeners.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert started.wait(10)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
