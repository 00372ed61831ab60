"""What has been decided and is not yet durable."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import islice
from typing import NamedTuple, Protocol

from exporter.core.change import Change
from exporter.errors import StoreError
from exporter.log import get_logger
from exporter.store.store import SpentCalls, Store

# Changes decided within this time share a transaction.
LINGER_SECONDS = 0.02
# Polls that changed nothing are only worth a write now and then: losing them to a crash makes bounds wider, not wrong.
# Every second this many are written, the longest noted first. What is noted takes 40 s to write so, and half a second at a
# stop; a poll that finds no room is not noted, and the next one of its request may be.
LAZY_SECONDS = 1.0
NOTES_AT_ONCE = 500
NOTES_MOST = 20_000
RETRY_FIRST = 0.5
RETRY_LAST = 15.0

log = get_logger(__name__)

Standing = Callable[[str], Change | None]


@dataclass(frozen=True, slots=True)
class Stated:
    """What to store of the budgets: in the place of all that is stored where it is told `anew`. `stored` is called once it is."""

    spent: Sequence[SpentCalls]
    _: KW_ONLY
    anew: bool
    stored: Callable[[], None]


class Dating(Protocol):
    def dated(self, changes: Iterable[Change]) -> Sequence[Change]:
        """With the times of the wall clock, as the store keeps them: no other clock goes on in the next process."""


class Spending(Protocol):
    """The budgets, as far as they have to be durable."""

    def state(self) -> Stated: ...


class Entry(NamedTuple):
    change: Change
    durable: Callable[[Change], None]


class Journal:
    """Writes changes in the order of decision and tells each when it is durable.

    While the store fails, everything is kept and tried again, and `trouble` says why; nothing is applied, so nothing that
    a scrape shows can be lost.
    """

    def __init__(self, store: Store, spending: Spending, *, dating: Dating, on_trouble: Callable[[bool], None]) -> None:
        self.trouble: StoreError | None = None
        self._dating = dating
        self._store = store
        self._spending = spending
        self._on_trouble = on_trouble
        self._entries: list[Entry] = []
        self._notes: dict[str, Standing] = {}
        self._notes_due = 0.0
        self._urgent = asyncio.Event()
        self._writing = 0

    def __len__(self) -> int:
        """Changes that are not durable yet."""
        return len(self._entries) + len(self._notes) + self._writing

    def enter(self, change: Change, durable: Callable[[Change], None]) -> None:
        """Write this change soon; `durable` is called when it is committed."""
        self._entries.append(Entry(change, durable))
        self._urgent.set()

    def note(self, request_id: str, standing: Standing) -> None:
        """Write at some time how this request stands then; `standing` tells, with None for a request that has ended."""
        if len(self._notes) < NOTES_MOST:
            self._notes[request_id] = standing

    def wake(self) -> None:
        """Write now, for instance because a budget needs a reservation."""
        self._urgent.set()

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LAZY_SECONDS if self._notes else None):
                    await self._urgent.wait()
                await asyncio.sleep(LINGER_SECONDS)
            except TimeoutError:
                pass
            self._urgent.clear()
            await self._write(self._take_notes(), self._take_entries())

    async def drain(self) -> None:
        """Write what is left, once; raises StoreError."""
        notes, entries = self._read_notes(NOTES_MOST), self._take_entries()
        await self._store.commit(self._dating.dated([*notes, *(entry.change for entry in entries)]))
        self._tell(entries)

    def _take_entries(self) -> list[Entry]:
        entries, self._entries = self._entries, []
        return entries

    def _take_notes(self) -> list[Change]:
        now = asyncio.get_running_loop().time()
        if now < self._notes_due:
            return []
        self._notes_due = now + LAZY_SECONDS
        return self._read_notes(NOTES_AT_ONCE)

    def _read_notes(self, most: int) -> list[Change]:
        noted = list(islice(self._notes.items(), most))
        for request_id, _ in noted:
            del self._notes[request_id]
        standings = (standing(request_id) for request_id, standing in noted)
        return [change for change in standings if change is not None]

    async def _write(self, notes: list[Change], entries: list[Entry]) -> None:
        # Notes first: they tell how a request stands without the entries about it, which are not durable yet.
        changes = [*notes, *(entry.change for entry in entries)]
        self._writing = len(changes)
        pause = RETRY_FIRST
        while True:
            stated = self._spending.state()
            try:
                if changes or stated.spent:
                    await self._store.commit(self._dating.dated(changes), stated.spent, anew=stated.anew)
            except StoreError as error:
                self._fail(error)
                await asyncio.sleep(pause)
                pause = min(RETRY_LAST, pause * 2)
            else:
                break
        self._writing = 0
        stated.stored()
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
