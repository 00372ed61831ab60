"""kill -9 at random moments: what was answered is there, and what is counted is what is stored."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from exporter.core.ledger import Counter
from exporter.core.request import State
from exporter.store.sqlite import SqliteStore
from exporter.store.store import Contents, Query
from tests.store.conftest import ignore

LIVES = 5


def live_and_die(path: Path, life: int, random: Random) -> list[list[str]]:
    """The whole lines that a process could say before it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.victim", str(path), str(life)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(random.uniform(0.02, 0.3))
    os.kill(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    return [line.split() for line in said.splitlines(keepends=True) if line.endswith("\n")]


async def restarted(path: Path) -> tuple[Contents, dict[str, State]]:
    store = SqliteStore(str(path), on_commit=ignore)
    contents = await store.load()
    rows = {record.request_id: record.state for record in await store.page(Query(limit=10_000_000))}
    assert {record.request_id for record in contents.pending} == {
        name for name, state in rows.items() if state is State.PENDING
    }
    await store.close([])
    return contents, rows


def total(contents: Contents, counter: Counter) -> int:
    return sum(count for (which, _), count in contents.counters.items() if which is counter)


async def test_what_was_answered_survives_kill_9_and_is_counted_once(path: Path) -> None:
    random, said = Random(9), []
    for life in range(LIVES):
        said += live_and_die(path, life, random)
        contents, rows = await restarted(path)
        assert {name for words in said if words[0] == "admitted" for name in words[1:]} <= rows.keys()
        finished = {name for name, state in rows.items() if state is State.FINISHED}
        assert {words[1] for words in said if words[0] == "finished"} <= finished
        assert total(contents, Counter.DISCOVERED) == len(rows)
        assert total(contents, Counter.FINISHED) == len(finished)
        assert sum(contents.buckets.values()) == 2 * len(finished)
    assert len(said) > LIVES
