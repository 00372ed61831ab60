"""Asks for new rows again and again, and hands them in."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from exporter.config import settings
from exporter.core.cursor import Cursor
from exporter.core.parts import parts
from exporter.core.retention import UNREAD
from exporter.errors import InvalidEntry
from exporter.log import get_logger
from exporter.sources.environment import Environment
from exporter.sources.groups import LeftOut, Messages
from exporter.sources.mistakes import MOST_SHOWN
from exporter.sources.source import Entry
from exporter.sources.sql import position
from exporter.sources.sql.database import Database, Page
from exporter.sources.sql.local_time import LocalTime
from exporter.sources.sql.progress import Progress

# Between so many rows others get their turn.
PART = 500
MOST_REPORTED = 100_000

log = get_logger(__name__)


class SqlSource:
    """Reads page after page until nothing new comes, and rests for `interval`.

    A row that does not fit is told once and passed over. `positions` are what the store kept of this source, `moves` what has to
    be moved there first.
    """

    def __init__(
        self,
        source: settings.SqlSource,
        environment: Environment,
        *,
        positions: Mapping[str, str],
        moves: Sequence[Cursor] = (),
    ) -> None:
        self.name = source.name
        self._source = source
        self._environment = environment
        self._positions = positions
        self._moves = moves
        self._retry = environment.retry(source)
        self._delivery = environment.delivery(source)
        self._local = LocalTime(source.timezone)
        self._progress: Progress | None = None
        self._kept: Any = None
        self._reported: set[int] = set()

    async def run(self) -> None:
        await self._retry.forever(self._work)

    @property
    def read_since(self) -> float:
        return UNREAD if self._progress is None else self._progress.since

    async def _work(self) -> None:
        """A new connection after any trouble; how far it had come is still known, and moves only with what is durable."""
        database = Database(self._source, references=self._environment.references)
        try:
            if self._progress is None:
                if self._moves:
                    await self._environment.intake.accept(self.name, [], self._moves)
                self._progress = self._begin(database)
            while True:
                await self._look(database, self._progress)
                self._retry.well()
                await self._environment.sleep(self._source.interval)
        finally:
            await database.close()

    def _begin(self, database: Database) -> Progress:
        self._kept = self._first(database)
        return Progress(self._kept, look_back=self._source.look_back, is_past=self._is_past)

    def _is_past(self, value: Any, at: float) -> bool:
        """Local times are those of a wall clock."""
        return self._local.is_past(value, at + self._environment.clock.ahead())

    def _first(self, database: Database) -> Any:
        kept = self._positions.get(self._source.cursor)
        if kept is not None:
            return position.read(kept)
        return position.first(self._source.start, only_text=database.kind == "sqlite")

    async def _look(self, database: Database, progress: Progress) -> None:
        last = progress.begin(self._environment.clock.now())
        more = True
        while more:
            asked = self._environment.clock.now()
            page = await database.page(last)
            if page is None:
                break
            await self._take(page, progress, asked)
            last, more = page.last, page.more
        progress.end(last, self._environment.clock.now())
        if progress.settled != self._kept:
            await self._environment.intake.accept(self.name, [], [self._cursor(progress.settled)])
            self._kept = progress.settled

    async def _take(self, page: Page, progress: Progress, asked: float) -> None:
        """The position moves with the page only where nothing can turn up behind it any more. While there is no room for all of
        it the page is read again; what of it is in already is known."""
        entries = await self._entries(page)
        settles = progress.settles(page.last, asked)
        async for _ in self._delivery.offer(entries, [self._cursor(page.last)] if settles else []):
            self._retry.moved()
        progress.read(page.last, asked)
        self._kept = page.last if settles else self._kept

    def _cursor(self, value: Any) -> Cursor:
        return Cursor(source=self._source.owner, part=self._source.cursor, position=position.write(value))

    async def _entries(self, page: Page) -> list[Entry]:
        terms = self._environment.terms(self._source)
        messages = Messages(terms)
        entries: list[Entry] = []
        mistakes: list[str] = []
        left_out = LeftOut()
        for part in parts(page.rows, PART):
            for row in part:
                where = f"row with {self._source.cursor} {row[page.columns.cursor or 0]}"
                messages.left_out = LeftOut()
                try:
                    entries.append(messages.fields(page.columns.fields(row, self._local, terms.now), where))
                except InvalidEntry as error:
                    if self._is_news(where, *error.details):
                        mistakes.append(f"{where}: {'; '.join(error.details)}")
                if messages.left_out.count and self._is_news(where):
                    left_out.join(messages.left_out)
            await asyncio.sleep(0)
        if mistakes:
            self._report(mistakes)
        self._environment.tell_left_out(self._source, left_out)
        return entries

    def _is_news(self, *told: str) -> bool:
        """Looking back meets the same row again."""
        key = hash(told)
        if key in self._reported:
            return False
        if len(self._reported) >= MOST_REPORTED:
            self._reported.clear()
        self._reported.add(key)
        return True

    def _report(self, mistakes: Sequence[str]) -> None:
        log.warning(
            "rows that do not fit were passed over",
            source=self.name,
            rows=len(mistakes),
            problem="; ".join(mistakes[:MOST_SHOWN]),
        )
        self._environment.health.refused(self.name, InvalidEntry(mistakes[0]), len(mistakes))
