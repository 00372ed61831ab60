from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, TCPConnector

from exporter.web.application import build
from exporter.web.listen import Listeners
from tests.web.twins import MemoryBackend


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
async def client(backend: MemoryBackend) -> AsyncIterator[ClientSession]:
    """A client of a real server on loopback, as the command line would start it."""
    listeners = Listeners(build(backend, telemetry_path="/metrics", enable_lifecycle=True), ["127.0.0.1:0"])
    (url,) = await listeners.start()
    async with ClientSession(url, connector=TCPConnector(force_close=True)) as session:
        yield session
    await listeners.stop()
