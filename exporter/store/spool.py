"""What waits for the store, on a disk of its own file: it survives a stop and a `kill -9` as what the store has does."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from exporter.core.request import Submission
from exporter.store.connection import Connection, Schema
from exporter.store.writer import Writer

# In the header of the file ("LSQP"). The number of a row is no promise to anyone, so that it may be used again.
SCHEMA = Schema(
    0x4C535150,
    (
        """
    CREATE TABLE submissions (
        number INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, api TEXT NOT NULL,
        source TEXT NOT NULL, submitted REAL, first_seen REAL NOT NULL
    );
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('batch', 0);
    """,
        "ALTER TABLE submissions ADD COLUMN reference TEXT",
    ),
    setting="storage.url",
    last_number="SELECT 0",
)
_COLUMNS = "request_id, account, api, source, submitted, first_seen, reference"
_PUT = f"INSERT OR IGNORE INTO submissions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_OLDEST = f"""SELECT {_COLUMNS} FROM submissions AS one
    WHERE NOT EXISTS (SELECT 1 FROM json_each(?) AS other
        WHERE other.value ->> 0 = one.account AND other.value ->> 1 = one.api)
    ORDER BY number LIMIT ?"""  # noqa: S608
_COUNTS = "SELECT account, count(*) FROM submissions GROUP BY account"


class Spool(Protocol):
    """Submissions in the order of coming, each RequestID once. Every call but `close` may raise StoreUnavailable
    or StoreUnusable, and then nothing was done."""

    async def open(self) -> Mapping[str, int]:
        """How many wait there from before, by account."""

    async def put(self, submissions: Sequence[Submission]) -> None:
        """Durable when it returns."""

    async def oldest(self, most: int, *, without: Collection[tuple[str, str]] = ()) -> Sequence[Submission]:
        """Of other accounts and APIs than those of `without`."""

    async def forget(self, submissions: Sequence[Submission]) -> None: ...

    async def close(self) -> None: ...


class MemorySpool:
    """For tests, and for `memory://`: what waits is lost with the process."""

    def __init__(self) -> None:
        self._waiting: dict[str, Submission] = {}

    async def open(self) -> Mapping[str, int]:
        return Counter(one.account for one in self._waiting.values())

    async def put(self, submissions: Sequence[Submission]) -> None:
        for one in submissions:
            self._waiting.setdefault(one.request_id, one)

    async def oldest(self, most: int, *, without: Collection[tuple[str, str]] = ()) -> Sequence[Submission]:
        return list(islice((one for one in self._waiting.values() if (one.account, one.api) not in without), most))

    async def forget(self, submissions: Sequence[Submission]) -> None:
        for one in submissions:
            self._waiting.pop(one.request_id, None)

    async def close(self) -> None:
        pass


class SqliteSpool:
    """A file that is made when there is something to put into it."""

    def __init__(self, path: str) -> None:
        self._file = _File(path)
        self._writer = Writer(self._file, name="spool-write", on_commit=lambda _: None)

    async def open(self) -> Mapping[str, int]:
        # A path of this machine, looked at once, at the start.
        if not Path(self._file.path).exists():  # noqa: ASYNC240
            return {}
        return dict(await self._do(lambda file: file.run(_COUNTS).fetchall()))

    async def put(self, submissions: Sequence[Submission]) -> None:
        # Each is a row as it is.
        await self._do(lambda file: file.run_many(_PUT, submissions))

    async def oldest(self, most: int, *, without: Collection[tuple[str, str]] = ()) -> Sequence[Submission]:
        left_out = json.dumps([list(one) for one in without])
        rows: list[tuple[Any, ...]] = await self._do(lambda file: file.run(_OLDEST, (left_out, most)).fetchall())
        return [Submission(*row) for row in rows]

    async def forget(self, submissions: Sequence[Submission]) -> None:
        names = [(one.request_id,) for one in submissions]
        await self._do(lambda file: file.run_many("DELETE FROM submissions WHERE request_id = ?", names))

    async def close(self) -> None:
        await self._writer.stop()
        self._file.connection.close()

    async def _do(self, work: Callable[[Connection], Any]) -> Any:
        self._writer.start()
        return await self._writer.do(lambda: work(self._file.connection))


class _File:
    """Opened by the first transaction, and by the next one where that failed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.connection = Connection(path, SCHEMA)
        self._is_open = False

    def transact(self, work: Callable[[], None]) -> None:
        if not self._is_open:
            self.connection.open()
            self._is_open = True
        self.connection.transact(work)
