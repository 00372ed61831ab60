"""Both stores, as what a restart finds again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.store.memory import Durable, MemoryStore
from exporter.store.sqlite import SqliteStore
from exporter.store.store import Store

Open = Callable[[], Store]


def ignore(seconds: float) -> None:
    """For a store whose commits nobody measures."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture(params=["memory", "sqlite"])
def open_again(request: pytest.FixtureRequest, path: Path) -> Open:
    """Each call gives a new store over the same contents, as a start of the process does."""
    durable = Durable()
    if request.param == "memory":
        return lambda: MemoryStore(durable)
    return lambda: SqliteStore(str(path), on_commit=ignore)
