"""The SQLite store: one thread that writes, and one that reads."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.request import Record, Submission
from exporter.store.connection import translated
from exporter.store.database import PRUNE_CHUNK, Database
from exporter.store.store import Contents, Found, Query, SpentCalls
from exporter.store.writer import Writer


class SqliteStore:
    """`on_commit` gets the seconds of each transaction, on the event loop."""

    def __init__(self, path: str, *, on_commit: Callable[[float], None]) -> None:
        self._database = Database(path)
        self._reader = Database(path)
        self._writer = Writer(self._database, name="store-write", on_commit=on_commit)
        self._reads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-read")

    async def load(self) -> Contents:
        contents = await asyncio.to_thread(self._open)
        self._writer.start()
        return contents

    def admit(
        self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()
    ) -> "asyncio.Future[list[int | None]]":
        return self._writer.do(lambda: self._database.admit(submissions, cursors))

    async def commit(self, changes: Sequence[Change], spent: Sequence[SpentCalls] = (), *, anew: bool = False) -> None:
        await self._writer.do(lambda: self._database.commit(changes, spent, anew=anew))

    async def end_doubles(self, doubles: Sequence[Record]) -> None:
        await self._writer.do(lambda: self._database.end_doubles(doubles))

    async def find(self, request_id: str, sequence: int | None = None) -> Found | None:
        found: Found | None = await self._read(lambda database: database.find(request_id, sequence))
        return found

    async def page(self, query: Query) -> list[Record]:
        records: list[Record] = await self._read(lambda database: database.page(query))
        return records

    async def prune(self, *, finished_before: float, spent_before: float) -> int:
        await self._writer.do(lambda: self._database.prune_spent(spent_before))
        pruned = 0
        while True:
            # In chunks, so that intake never waits for long.
            chunk: int = await self._writer.do(lambda: self._database.prune_requests(finished_before))
            pruned += chunk
            if chunk < PRUNE_CHUNK:
                return pruned

    async def close(self, spent: Sequence[SpentCalls]) -> None:
        try:
            if self._writer.runs:
                await self._writer.do(lambda: self._database.stop_cleanly(spent))
        finally:
            await self._writer.stop()
            self._reads.shutdown()
            self._reader.close()
            self._database.close()

    def _open(self) -> Contents:
        self._database.open()
        return self._database.load()

    async def _read(self, work: Callable[[Database], Any]) -> Any:
        def read() -> Any:
            with translated(self._reader.path):
                return work(self._reader)

        return await asyncio.get_running_loop().run_in_executor(self._reads, read)
