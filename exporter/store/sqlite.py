"""The SQLite store: one thread that writes, one that reads, and one transaction for all who wait."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.request import Record, Submission
from exporter.errors import StoreError, StoreUnavailable
from exporter.store.database import PRUNE_CHUNK, Database, translated
from exporter.store.flusher import Flusher
from exporter.store.store import Contents, Found, Query, Recorded, SpentCalls

Work = Callable[[Database], Any]


@dataclass(slots=True)
class _Part:
    """What one caller wants to have in a transaction, and what came of it."""

    work: Work
    ended: Callable[[Any], None]
    flush: bool
    outcome: Any = None


class SqliteStore:
    """Group commit: whatever is asked for while one transaction runs is in the next one together.

    `on_commit` gets the seconds of each transaction, on the event loop.
    """

    def __init__(self, path: str, *, on_commit: Callable[[float], None]) -> None:
        self._database = Database(path)
        self._reader = Database(path)
        self._on_commit = on_commit
        self._parts: SimpleQueue[_Part | None] = SimpleQueue()
        self._reads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-read")
        self._flusher = Flusher(path)
        self._writer = Thread(target=self._write_all, name="store-write", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def load(self) -> Contents:
        self._loop = asyncio.get_running_loop()
        contents = await asyncio.to_thread(self._open)
        if not self._writer.is_alive():
            self._writer.start()
        return contents

    def admit(
        self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()
    ) -> "asyncio.Future[list[int | None]]":
        return self._in_transaction(lambda database: database.admit(submissions, cursors))

    def record(self, submissions: Sequence[Submission], recorded: Recorded) -> None:
        self._hand_over(_Part(lambda database: database.admit(submissions, ()), recorded, flush=False))

    async def commit(self, changes: Sequence[Change], spent: Sequence[SpentCalls] = ()) -> None:
        await self._in_transaction(lambda database: database.commit(changes, spent))

    async def find(self, request_id: str, sequence: int | None = None) -> Found | None:
        found: Found | None = await self._read(lambda database: database.find(request_id, sequence))
        return found

    async def page(self, query: Query) -> list[Record]:
        records: list[Record] = await self._read(lambda database: database.page(query))
        return records

    async def prune(self, *, finished_before: float, spent_before: float) -> int:
        await self._in_transaction(lambda database: database.prune_spent(spent_before))
        pruned = 0
        while True:
            # In chunks, so that intake never waits for long.
            chunk: int = await self._in_transaction(lambda database: database.prune_requests(finished_before))
            pruned += chunk
            if chunk < PRUNE_CHUNK:
                return pruned

    async def close(self, spent: Sequence[SpentCalls]) -> None:
        try:
            if self._writer.is_alive():
                await self._in_transaction(lambda database: database.stop_cleanly(spent))
        finally:
            if self._writer.is_alive():
                self._parts.put(None)
                await asyncio.to_thread(self._writer.join)
            self._flusher.close()
            self._reads.shutdown()
            self._reader.close()
            self._database.close()

    def _open(self) -> Contents:
        self._database.open()
        return self._database.load()

    async def _read(self, work: Work) -> Any:
        def read() -> Any:
            with translated(self._reader.path):
                return work(self._reader)

        return await asyncio.get_running_loop().run_in_executor(self._reads, read)

    def _in_transaction(self, work: Work) -> "asyncio.Future[Any]":
        answer = asyncio.get_running_loop().create_future()
        self._hand_over(_Part(work, partial(_settle, answer), flush=True))
        return answer

    def _hand_over(self, part: _Part) -> None:
        if self._writer.is_alive():
            self._parts.put(part)
        else:
            error = StoreUnavailable(f"{self._database.path}: the store is not open")
            asyncio.get_running_loop().call_soon(part.ended, error)

    def _write_all(self) -> None:
        """The writer's thread."""
        while (first := self._parts.get()) is not None:
            group = [first]
            last = False
            while not self._parts.empty():
                part = self._parts.get()
                if part is None:
                    last = True
                    break
                group.append(part)
            self._write(group)
            if last:
                return

    def _write(self, group: list[_Part]) -> None:
        began = time.perf_counter()
        flush = any(part.flush for part in group)
        try:
            self._database.transact(lambda: self._do(group), flush=flush)
        except StoreError as error:
            for part in group:
                part.outcome = error
        self._tell(group, time.perf_counter() - began)
        if not flush:
            self._flusher.want()

    def _do(self, group: list[_Part]) -> None:
        """What is alone in its transaction needs no savepoint: undone it is with the whole."""
        if len(group) == 1:
            group[0].outcome = group[0].work(self._database)
            return
        for part in group:
            self._do_part(part)

    def _do_part(self, part: _Part) -> None:
        try:
            with translated(self._database.path), self._database.part():
                part.outcome = part.work(self._database)
        except StoreError as error:
            part.outcome = error
            if not self._database.in_transaction:
                raise

    def _tell(self, group: list[_Part], seconds: float) -> None:
        assert self._loop is not None  # noqa: S101
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._answer, group, seconds)

    def _answer(self, group: list[_Part], seconds: float) -> None:
        for part in group:
            part.ended(part.outcome)
        self._on_commit(seconds)


def _settle(answer: "asyncio.Future[Any]", outcome: Any) -> None:
    if answer.done():
        return
    if isinstance(outcome, StoreError):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
