from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from exporter.web.application import build
from exporter.web.listen import Listeners
from exporter.web.security import Security
from tests.web.secured import Authority, Start
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


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.issue("server")
    return made


@pytest.fixture
async def start(tmp_path: Path, backend: MemoryBackend) -> AsyncIterator[Start]:
    """Starts a server with a web configuration and gives its URL, under localhost as the certificate has it."""
    running: list[Listeners] = []

    async def started(text: str) -> str:
        path = tmp_path / "web.yaml"
        path.write_text(text)
        security = Security(path)
        application = build(backend, telemetry_path="/metrics", enable_lifecycle=True, security=security)
        running.append(Listeners(application, ["127.0.0.1:0"], security=security))
        (url,) = await running[-1].start()
        return url.replace("127.0.0.1", "localhost")

    yield started
    for one in running:
        await one.stop()
