from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.servers import MariaServer, PostgresServer, maria_server, postgres_server
from tests.sources.outbox import Application, application


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaServer]:
    with maria_server(tmp_path_factory.mktemp("maria")) as server:
        yield server


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
async def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    """The table in each kind of database in turn."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").url
    elif request.param == "mysql":
        url = request.getfixturevalue("maria").url
    else:
        url = f"sqlite:///{tmp_path}/application.db"
    async with application(url) as one:
        yield one


@pytest.fixture
async def pg(postgres: PostgresServer) -> AsyncIterator[Application]:
    async with application(postgres.url) as one:
        yield one


@pytest.fixture
async def outbox_file(tmp_path: Path) -> AsyncIterator[Application]:
    async with application(f"sqlite:///{tmp_path}/application.db") as one:
        yield one
