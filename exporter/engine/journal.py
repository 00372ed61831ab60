"""What has been decided and is not yet durable."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from exporter.core.change import Change
from exporter.errors import StoreError
from exporter.log import get_logger
from exporter.store.store import SpentCalls, Store

# Changes decided within this time share a transaction.
LINGER_SECONDS = 0.02
# Polls that changed nothing are only worth a write now and then: losing them to a crash makes bounds wider, not wrong.
LAZY_SECONDS = 1.0
RETRY_FIRST = 0.5
RETRY_LAST = 15.0

log = get_logger(__name__)


class Spending(Protocol):
    """The budgets, as far as they have to be durable."""

    def state(self) -> tuple[Sequence[SpentCalls], Callable[[], None]]:
        """What to store now, and what to do once it is stored."""


@dataclass(frozen=True, slots=True)
class Entry:
    change: Change
    durable: Callable[[Change], None]


class Journal:
    """Writes changes in the order of decision and tells each when it is durable.

    While the store fails, everything is kept and tried again, and `trouble` says why; nothing is applied, so nothing that
    a scrape shows can be lost.
    """

    def __init__(self, store: Store, spending: Spending, *, on_trouble: Callable[[bool], None]) -> None:
        self.trouble: StoreError | None = None
        self._store = store
        self._spending = spending
        self._on_trouble = on_trouble
        self._entries: list[Entry] = []
        self._lazy: dict[str, Change] = {}
        self._urgent = asyncio.Event()
        self._writing = 0

    def __len__(self) -> int:
        """Changes that are not durable yet."""
        return len(self._entries) + len(self._lazy) + self._writing

    def enter(self, change: Change, durable: Callable[[Change], None]) -> None:
        """Write this change soon; `durable` is called when it is committed."""
        self._entries.append(Entry(change, durable))
        self._urgent.set()

    def note(self, change: Change) -> None:
        """Write this change, which has taken effect already, at some time; a later note about the request replaces it."""
        self._lazy[change.record.request_id] = change

    def wake(self) -> None:
        """Write now, for instance because a budget needs a reservation."""
        self._urgent.set()

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LAZY_SECONDS if self._lazy else None):
                    await self._urgent.wait()
                await asyncio.sleep(LINGER_SECONDS)
            except TimeoutError:
                pass
            self._urgent.clear()
            await self._write(*self._take())

    async def drain(self) -> None:
        """Write what is left, once; raises StoreError."""
        lazy, entries = self._take()
        await self._store.commit([*lazy, *(entry.change for entry in entries)])
        self._tell(entries)

    def _take(self) -> tuple[list[Change], list[Entry]]:
        lazy, entries = list(self._lazy.values()), self._entries
        self._lazy, self._entries = {}, []
        return lazy, entries

    async def _write(self, lazy: list[Change], entries: list[Entry]) -> None:
        # Notes first: a note about a request is always older than an entry about it.
        changes = [*lazy, *(entry.change for entry in entries)]
        self._writing = len(changes)
        pause = RETRY_FIRST
        while True:
            spent, stored = self._spending.state()
            try:
                if changes or spent:
                    await self._store.commit(changes, spent)
            except StoreError as error:
                self._fail(error)
                await asyncio.sleep(pause)
                pause = min(RETRY_LAST, pause * 2)
            else:
                break
        self._writing = 0
        stored()
        self._tell(entries)
        self._recover()

    def _tell(self, entries: list[Entry]) -> None:
        for entry in entries:
            entry.durable(entry.change)

    def _fail(self, error: StoreError) -> None:
        log.error("store can't be written; polling pauses", error=str(error))
        if self.trouble is None:
            self._on_trouble(True)
        self.trouble = error

    def _recover(self) -> None:
        if self.trouble is not None:
            self.trouble = None
            log.info("store can be written again; polling goes on")
            self._on_trouble(False)
