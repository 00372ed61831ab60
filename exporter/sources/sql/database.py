"""One database: pages of the query, each in a short read-only transaction of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, CursorResult, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from exporter.config import settings
from exporter.config.schema import SQL_URL
from exporter.config.statement import Statement
from exporter.errors import ConfigurationError, SourceRefused, SourceUnreadable
from exporter.sources.closing import to_the_end
from exporter.sources.sql import trouble
from exporter.sources.sql.rows import Columns

# So many rows are one commit of the store.
ROWS = 4000
# So many rows with one value of the cursor can't be read in one piece any more.
MOST_ROWS = 512_000
CONNECT_SECONDS = 10.0
# The database ends a query itself; this is for one that does not answer at all.
SPARE_SECONDS = 15.0
# Instructions of SQLite between two looks at the clock.
_SQLITE_STEPS = 100_000
# What MySQL and MariaDB call a TIMESTAMP in their protocol.
_TIMESTAMP = 7
# A time without an offset, for a TIMESTAMP, was read in a zone that is not known any more. None is further east.
_EASTERNMOST = timedelta(hours=14)

_FOREIGN = (SQLAlchemyError, OSError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Page:
    """`last` is the cursor of the last row. `more` tells whether there may be rows behind it."""

    columns: Columns
    rows: Sequence[Sequence[Any]]
    last: Any
    more: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """`stamps` are the places of the columns whose times are those of UTC although they come without an offset."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]
    stamps: Sequence[int]


class Database:
    """Every method raises SourceUnreadable in its kinds; after that the object is closed and another one is made."""

    def __init__(self, source: settings.SqlSource, *, references: Callable[[], bool]) -> None:
        """`references` tells whether rows may carry one."""
        self._references = references
        self._timeout = source.timeout
        self._cursor = source.cursor
        self._column = source.cursor.rpartition(".")[2].lower()
        self._statement = Statement(source.query)
        try:
            url = source.url.reveal()
            self.kind = SQL_URL.database(url)
            self._engine = _ENGINES[self.kind](url)
        except ConfigurationError as error:
            raise SourceUnreadable(f"the source's url can't be used: {error}") from error
        except (*_FOREIGN, LookupError) as error:
            raise SourceUnreadable("the source's url can't be used: it is not one of a database") from error

    async def page(self, position: Any) -> Page | None:
        """What comes after the position; None where nothing does."""
        rows = ROWS
        while True:
            columns, found, is_stamp = await self._rows(position, rows)
            if is_stamp and isinstance(position, datetime) and position.tzinfo is None:
                position = (position - _EASTERNMOST).replace(tzinfo=UTC)
                continue
            if not found:
                return None
            more = len(found) >= rows or self._statement.has_limit
            whole = self._whole(columns, found) if len(found) >= rows and not self._statement.has_limit else found
            if whole:
                return Page(columns, whole, self._last(columns, whole), more)
            rows *= 2
            if rows > MOST_ROWS:
                raise SourceRefused(f"more than {MOST_ROWS // 2} rows share one value of the cursor column")

    async def close(self) -> None:
        await to_the_end(self._engine.dispose())

    def _whole(self, columns: Columns, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Without the last ones of equal cursors: others of them may come after the limit, and would be skipped."""
        place = columns.cursor or 0
        end = len(rows)
        while end and rows[end - 1][place] == rows[-1][place]:
            end -= 1
        return rows[:end]

    def _last(self, columns: Columns, rows: Sequence[Sequence[Any]]) -> Any:
        first, last = (row[columns.cursor or 0] for row in (rows[0], rows[-1]))
        # How texts are ordered is for the database to know.
        if last is None or first is None or (not isinstance(last, str) and first > last):
            raise SourceRefused(f"the query has to be ordered by {self._cursor}, ascending and without NULL")
        return last

    async def _rows(self, position: Any, rows: int) -> tuple[Columns, Sequence[Sequence[Any]], bool]:
        """The last one tells whether the cursor column is among the stamps."""
        try:
            async with asyncio.timeout(self._timeout + SPARE_SECONDS):
                found = await self._run(position, rows)
                columns = Columns(found.names, self._column, references=self._references())
                if columns.cursor is None:
                    self._statement = self._statement.selecting(self._cursor)
                    found = await self._run(position, rows)
                    columns = Columns(found.names, self._column, references=self._references())
        except _FOREIGN as error:
            raise trouble.told(error) from error
        if columns.cursor is None:
            raise SourceRefused(f"the query has to select its cursor column {self._cursor}")
        return columns, found.rows, columns.cursor in found.stamps

    async def _run(self, position: Any, rows: int) -> _Found:
        async with self._engine.connect() as connection:
            await _PREPARE[self.kind](connection, self._timeout)
            bound = _without_offset(position) if self.kind == "mysql" else position
            result = await connection.execute(text(self._statement.limited(rows)), {"cursor": bound})
            stamps = _stamps(result) if self.kind == "mysql" else ()
            found = result.all()
            return _Found(list(result.keys()), _with_offset(found, stamps) if stamps else found, stamps)


def _stamps(result: CursorResult[Any]) -> Sequence[int]:
    """The driver tells no TIMESTAMP, which is a moment, from a DATETIME, which is what a clock showed."""
    columns = result.cursor.description or ()
    return [place for place, column in enumerate(columns) if column[1] == _TIMESTAMP]


def _with_offset(rows: Sequence[Sequence[Any]], stamps: Sequence[int]) -> list[list[Any]]:
    """The session's zone is UTC."""
    found = [list(row) for row in rows]
    for row in found:
        for place in stamps:
            if isinstance(row[place], datetime):
                row[place] = row[place].replace(tzinfo=UTC)
    return found


def _without_offset(position: Any) -> Any:
    """The driver leaves an offset out, whatever it is."""
    is_moment = isinstance(position, datetime) and position.tzinfo is not None
    return position.astimezone(UTC).replace(tzinfo=None) if is_moment else position


def _postgresql(url: str) -> AsyncEngine:
    """asyncpg reads the URL itself, with all that PostgreSQL's own programs understand in it, such as sslmode."""
    import asyncpg

    def connect() -> Awaitable[Any]:
        connection: Awaitable[Any] = asyncpg.connect(url, timeout=CONNECT_SECONDS)
        return connection

    return _engine(URL.create("postgresql+asyncpg"), async_creator=connect)


def _mysql(url: str) -> AsyncEngine:
    made = make_url(url).set(drivername="mysql+asyncmy")
    return _engine(made, connect_args={"connect_timeout": int(CONNECT_SECONDS)})


def _sqlite(url: str) -> AsyncEngine:
    """Opened for reading alone: a file that is not there would otherwise be made."""
    path = url.removeprefix("sqlite:///")
    address = f"file:{quote(path)}"
    return _engine(URL.create("sqlite+aiosqlite", database=address, query={"mode": "ro", "uri": "true"}))


def _engine(url: URL, **options: Any) -> AsyncEngine:
    return create_async_engine(url, pool_size=1, max_overflow=0, hide_parameters=True, **options)


async def _prepare_postgresql(connection: AsyncConnection, timeout: float) -> None:
    await connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    # What the query makes of a moment, as with ::timestamp, must not depend on the server's or the user's zone.
    await connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
    await connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(timeout * 1000)}")


async def _prepare_mysql(connection: AsyncConnection, timeout: float) -> None:
    await connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
    # In any other zone a TIMESTAMP comes as local time, and the hour that comes twice is compared as if it came once.
    await connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
    if getattr(connection.dialect, "is_mariadb", False):
        await connection.exec_driver_sql(f"SET SESSION max_statement_time = {timeout:g}")
    else:
        await connection.exec_driver_sql(f"SET SESSION max_execution_time = {int(timeout * 1000)}")


async def _prepare_sqlite(connection: AsyncConnection, timeout: float) -> None:
    raw = (await connection.get_raw_connection()).driver_connection
    deadline = time.monotonic() + timeout
    assert raw is not None  # noqa: S101
    await raw.set_progress_handler(lambda: time.monotonic() > deadline, _SQLITE_STEPS)
    await connection.exec_driver_sql("PRAGMA query_only = ON")


_ENGINES: Mapping[str, Callable[[str], AsyncEngine]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "sqlite": _sqlite,
}
_PREPARE: Mapping[str, Callable[[AsyncConnection, float], Awaitable[None]]] = {
    "postgresql": _prepare_postgresql,
    "mysql": _prepare_mysql,
    "sqlite": _prepare_sqlite,
}
