"""Admissions that do not wait for the disk."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from exporter.store.flusher import Flusher
from exporter.store.sqlite import SqliteStore
from tests.store.build import recorded, submission
from tests.store.conftest import ignore


def eventually(flushed: list[int], count: int) -> None:
    deadline = time.monotonic() + 5.0
    while len(flushed) < count and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(flushed) >= count


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of what was flushed, each time."""
    sizes: list[int] = []

    def flush(descriptor: int) -> None:
        os.fsync(descriptor)
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fdatasync", flush)
    return sizes


async def test_an_admission_that_does_not_wait_is_in_the_file_and_flushed_right_after(
    path: Path, flushed: list[int]
) -> None:
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    assert await store.admit([submission("a")]) == [1]
    assert flushed == []
    assert await recorded(store, [submission("b")]) == [2]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT request_id FROM requests").fetchall() == [("a",), ("b",)]
    connection.close()
    eventually(flushed, 1)
    assert flushed[0] > 0
    await store.close([])


def test_a_log_that_is_not_there_is_no_trouble(path: Path, flushed: list[int]) -> None:
    flusher = Flusher(str(path))
    flusher.want()
    time.sleep(0.01)
    Path(f"{path}-wal").write_bytes(b"1")
    flusher.want()
    eventually(flushed, 1)
    flusher.close()


def test_what_was_never_wanted_needs_no_end(path: Path) -> None:
    Flusher(str(path)).close()
