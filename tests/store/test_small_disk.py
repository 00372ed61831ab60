"""A disk of a few megabytes: it fills, what was taken in is finished all the same, and it recovers by itself."""

import os
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from exporter.core.ledger import Counter
from exporter.errors import StoreFull, StoreUnavailable
from exporter.store.sqlite import SqliteStore
from tests.store.build import BEGINNING, admitted, finished, submission
from tests.store.conftest import ignore

MEGABYTES = 6


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root can mount a disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


async def fill(store: SqliteStore, beginning: str) -> list[str]:
    taken: list[str] = []
    for number in count():
        names = [f"{beginning}-{number}-{step}" for step in range(100)]
        try:
            await store.admit([submission(name) for name in names])
        except StoreFull:
            break
        taken += names
    return taken


async def test_a_small_disk_fills_with_requests_and_finishes_prunes_and_takes_in_again(disk: Path) -> None:
    store = SqliteStore(str(disk / "state.db"), on_commit=ignore)
    assert list((await store.load()).pending) == []
    taken = await fill(store, "first")
    # Most of the disk is the table's, not the log's.
    assert len(taken) > 20_000
    for first in range(0, len(taken), 500):
        part = taken[first : first + 500]
        changes = [finished(admitted(name, first + step + 1), time=BEGINNING) for step, name in enumerate(part)]
        await store.commit(changes)
        await store.prune(finished_before=BEGINNING + 1, spent_before=0.0)
    await store.close([])
    again = SqliteStore(str(disk / "state.db"), on_commit=ignore)
    assert list((await again.load()).pending) == []
    await again.close([])


async def test_a_disk_that_others_fill_is_no_reason_to_stop_finishing(disk: Path) -> None:
    store = SqliteStore(str(disk / "state.db"), on_commit=ignore)
    assert list((await store.load()).pending) == []
    await store.admit([submission("a")])
    filler = disk / "filler"
    free = os.statvfs(disk)
    filler.write_bytes(b"0" * (free.f_bavail * free.f_frsize - 500_000))
    with pytest.raises(StoreFull, match="make room"):
        await store.admit([submission("b")])
    await store.commit([finished(admitted("a", 1), time=BEGINNING)])
    filler.unlink()
    assert await store.admit([submission("b")]) == [2]
    await store.close([])


def fill_up(filler: Path) -> None:
    """To the last byte."""
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while True:
                    file.write(b"0" * size)
            except OSError:
                continue


async def test_a_disk_that_is_full_to_the_last_byte_leaves_no_doubt_and_is_gone_on_with(disk: Path) -> None:
    store = SqliteStore(str(disk / "state.db"), on_commit=ignore)
    assert list((await store.load()).pending) == []
    await store.admit([submission(f"r-{number}") for number in range(2000)])
    for round_ in range(20):
        filler = disk / "filler"
        fill_up(filler)
        refused = 0
        for number in range(100 * round_, 100 * round_ + 100):
            try:
                await store.commit([finished(admitted(f"r-{number}", number + 1), time=BEGINNING)])
            except StoreUnavailable:
                refused += 1
        with pytest.raises(StoreUnavailable, match="full"):
            await store.admit([submission("more")])
        filler.unlink()
        for number in range(100 * round_, 100 * round_ + 100):
            found = await store.find(f"r-{number}", number + 1)
            assert found is not None
            if found.record.finished is None:
                refused -= 1
                await store.commit([finished(admitted(f"r-{number}", number + 1), time=BEGINNING)])
        assert refused == 0
    await store.close([])
    again = SqliteStore(str(disk / "state.db"), on_commit=ignore)
    contents = await again.load()
    assert list(contents.pending) == []
    assert contents.counters[Counter.FINISHED, ("acme", "lead_update", "success", "created")] == 2000
    await again.close([])
