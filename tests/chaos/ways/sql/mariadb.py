"""A real MariaDB in a zone of its own, whose times are TIMESTAMPs; the cursor is a number or the time of the row."""

from collections.abc import Sequence
from pathlib import Path

from tests.chaos.threads import in_thread
from tests.chaos.ways.sql.shell import run, values
from tests.servers import MariaServer

_USER = "CREATE DATABASE test; CREATE USER tester IDENTIFIED BY 'tester'; GRANT ALL ON test.* TO tester"
_TABLE = """\
create table outbox (id bigint auto_increment primary key, request_id varchar(64),
created_at timestamp(6) default current_timestamp(6), key (created_at))"""


class Mariadb:
    restarts = True

    def __init__(self, folder: Path, *, zone: str, cursor: str) -> None:
        self.cursor = cursor
        self.query = f"select request_id, created_at from outbox where {cursor} > :cursor order by {cursor}"
        self.start = "0" if cursor == "id" else "2026-01-01T00:00:00"
        self._zone = zone
        self._server = MariaServer(folder)
        self.url = self._server.url

    async def create(self) -> None:
        await in_thread(self._server.create)
        await self.start_again()
        await in_thread(lambda: self._server.run(_USER))
        assert await self._run(_TABLE) is not None

    async def start_again(self) -> None:
        await in_thread(self._server.start)
        await in_thread(lambda: self._server.run(f"SET GLOBAL time_zone = '{self._zone}'"))

    async def stop(self) -> None:
        await in_thread(self._server.stop)

    async def remove(self) -> None:
        """It lies in the round's folder."""

    async def insert(self, request_ids: Sequence[str], *, lasting: float, commit: bool) -> bool | None:
        end = "commit" if commit else "rollback"
        insert = f"insert into outbox (request_id) values {values(request_ids)}"
        told = await self._run(f"begin; {insert}; do sleep({lasting}); {end}")
        return None if told is None else commit

    async def rows(self) -> set[str]:
        told = await self._run("select request_id from outbox")
        assert told is not None
        return set(told.split())

    async def _run(self, sql: str) -> str | None:
        place = ("--host=127.0.0.1", f"--port={self._server.port}", "--user=tester", "--password=tester")
        return await run("mariadb", "--no-defaults", *place, "-N", "--batch", "-e", sql, "test")
