"""A file of SQLite, which one writer at a time has."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from tests.chaos.threads import in_thread

_PATIENCE = 30.0
_TABLE = """\
create table outbox (id integer primary key autoincrement, request_id text,
created_at text default (strftime('%Y-%m-%dT%H:%M:%fZ')))"""


class Sqlite:
    query = "select request_id, created_at from outbox where id > :cursor order by id"
    cursor = "id"
    start = "0"
    restarts = False

    def __init__(self, folder: Path, *, journal: str) -> None:
        self._path = folder / "outbox.db"
        self._journal = journal
        self.url = f"sqlite:///{self._path}"

    async def create(self) -> None:
        with closing(self._connection()) as connection:
            connection.execute(f"pragma journal_mode = {self._journal}")
            connection.execute(_TABLE)

    async def start_again(self) -> None:
        """There is no server."""

    async def stop(self) -> None:
        """There is no server."""

    async def remove(self) -> None:
        """It lies in the round's folder."""

    async def insert(self, request_ids: Sequence[str], *, lasting: float, commit: bool) -> bool | None:
        return await in_thread(partial(self._insert, request_ids, lasting=lasting, commit=commit))

    async def rows(self) -> set[str]:
        with closing(self._connection()) as connection:
            return {row[0] for row in connection.execute("select request_id from outbox")}

    def _insert(self, request_ids: Sequence[str], *, lasting: float, commit: bool) -> bool:
        with closing(self._connection()) as connection:
            connection.execute("begin immediate")
            connection.executemany("insert into outbox (request_id) values (?)", [(one,) for one in request_ids])
            time.sleep(lasting)
            connection.execute("commit" if commit else "rollback")
        return commit

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)
