"""RequestIDs a second that the SQLite store takes in durably, against bare sqlite3.

`python -m benchmarks.intake_store [--rows 500000] [--batches 60] [--callers 4] [--rounds 3]` prints both figures of each
round and their ratio. The rival does one `INSERT OR IGNORE` with executemany and one commit for each batch of 1,000, with the
same pragmas. Both start with the same number of rows in the table, and take turns in the same process.
"""

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from random import Random

from exporter.core.request import Submission
from exporter.store.open import open_store
from exporter.store.store import Store

BATCH = 1000
BEGINNING = 1_700_000_000.0
random = Random(1)


def batch(size: int = BATCH) -> list[Submission]:
    return [
        Submission(
            request_id=str(uuid.UUID(int=random.getrandbits(128))),
            account="acme",
            api="lead_update",
            source="push",
            submitted=BEGINNING + random.random(),
            first_seen=BEGINNING,
        )
        for _ in range(size)
    ]


class Rival:
    """What a script would do that needs no more than the rows."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE requests (sequence INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL UNIQUE, "
            "account TEXT NOT NULL, api TEXT NOT NULL, source TEXT NOT NULL, submitted REAL, first_seen REAL NOT NULL)"
        )

    def admit(self, submissions: list[Submission]) -> None:
        self.insert(
            [(one.request_id, one.account, one.api, one.source, one.submitted, one.first_seen) for one in submissions]
        )

    def insert(self, rows: list[tuple[object, ...]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT OR IGNORE INTO requests (request_id, account, api, source, submitted, first_seen) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def ignore(seconds: float) -> None:
    """The commits are not what is measured here."""


async def run(folder: Path, *, rows: int, batches: int, callers: int, rounds: int) -> None:
    store, rival = open_store(f"sqlite:///{folder}/state.db", ignore), Rival(folder / "rival.db")
    await store.load()
    for _ in range(rows // 10_000):
        filling = batch(10_000)
        await store.admit(filling)
        rival.admit(filling)
    ratios = []
    for number in range(1, rounds + 1):
        work = [batch() for _ in range(batches)]
        began = time.perf_counter()
        for one in work:
            rival.admit(one)
        plain = batches * BATCH / (time.perf_counter() - began)
        began = time.perf_counter()
        await asyncio.gather(*(admit_all(store, work[caller::callers]) for caller in range(callers)))
        ours = batches * BATCH / (time.perf_counter() - began)
        ratios.append(ours / plain)
        print(f"round {number}: store {ours:,.0f}/s, bare sqlite3 {plain:,.0f}/s, ratio {ours / plain:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f}")
    rival.close()
    await store.close([])


async def admit_all(store: Store, batches: list[list[Submission]]) -> None:
    for one in batches:
        await store.admit(one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(
            run(Path(folder), rows=given.rows, batches=given.batches, callers=given.callers, rounds=given.rounds)
        )


if __name__ == "__main__":
    main()
