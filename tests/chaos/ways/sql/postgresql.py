"""A real PostgreSQL in a zone of its own; the cursor is a number or the time of the row."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory

from tests.chaos.threads import in_thread
from tests.chaos.ways.sql.shell import run, values
from tests.servers import PostgresServer

_TABLE = """\
create table outbox (id bigserial primary key, request_id text, created_at timestamptz default now());
alter database postgres set timezone to 'Asia/Kolkata'"""


class Postgresql:
    restarts = True

    def __init__(self, *, cursor: str) -> None:
        self.cursor = cursor
        self.query = f"select request_id, created_at from outbox where {cursor} > :cursor order by {cursor}"
        self.start = "0" if cursor == "id" else "2026-01-01T00:00:00Z"
        # Not in the round's folder, which is shut to the user that root runs it as.
        self._folder = TemporaryDirectory(prefix="chaos-postgres-", ignore_cleanup_errors=True)
        self._server = PostgresServer(Path(self._folder.name))
        self.url = self._server.url

    async def create(self) -> None:
        await in_thread(self._server.create)
        await in_thread(self._server.start)
        assert await self._run(_TABLE) is not None

    async def start_again(self) -> None:
        await in_thread(self._server.start)

    async def stop(self) -> None:
        with suppress(CalledProcessError):
            await in_thread(self._server.stop)

    async def remove(self) -> None:
        await in_thread(self._folder.cleanup)

    async def insert(self, request_ids: Sequence[str], *, lasting: float, commit: bool) -> bool | None:
        end = "commit" if commit else "rollback"
        insert = f"insert into outbox (request_id) values {values(request_ids)}"
        told = await self._run(f"begin; {insert}; select pg_sleep({lasting}); {end}")
        return None if told is None else commit

    async def rows(self) -> set[str]:
        told = await self._run("select request_id from outbox")
        assert told is not None
        return set(told.split())

    async def _run(self, sql: str) -> str | None:
        return await run("psql", "-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url, "-c", sql)
