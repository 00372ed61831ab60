"""RequestIDs a second that the real exporter takes in durably from PostgreSQL, against a bare loop with asyncpg.

`python -m benchmarks.intake_sql [--count 60000] [--rounds 3]` prints both figures of each round and their ratio. The rival asks
for the same pages of 4,000 rows, inserts them with executemany and the exporter's pragmas, and checks nothing. Both are
processes of their own and take turns. Rows have a request_id and a created_at.
"""

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path

import asyncpg

from benchmarks.intake_store import Rival
from benchmarks.taken_in import arguments, compare
from exporter.core.request import Submission
from exporter.sources.sql.database import ROWS
from tests.servers import postgres_server

TABLE = """
    create table outbox (id bigserial primary key, request_id text not null, created_at timestamptz default now());
    insert into outbox (request_id) select gen_random_uuid() from generate_series(1, {count});
    analyze outbox;
"""
QUERY = "select request_id, created_at from outbox where id > :cursor order by id"
PAGE = "select id, request_id, created_at from outbox where id > $1 order by id limit $2"


async def read_as_rival(url: str, path: Path) -> None:
    """A script that trusts its table."""
    rival = Rival(path)
    connection = await asyncpg.connect(url)
    last = 0
    while True:
        rows = await connection.fetch(PAGE, last, ROWS)
        if not rows:
            await asyncio.sleep(0.1)
            continue
        now = time.time()
        rival.admit(
            [
                Submission(
                    request_id=row["request_id"],
                    account="acme",
                    api="lead_update",
                    source="sql",
                    submitted=row["created_at"].timestamp(),
                    first_seen=now,
                )
                for row in rows
            ]
        )
        last = rows[-1]["id"]


def run(folder: Path, *, count: int, rounds: int) -> None:
    with postgres_server() as server:
        subprocess.run(("psql", "-q", "-X", server.url, "-c", TABLE.format(count=count)), check=True)
        compare(
            folder,
            count=count,
            rounds=rounds,
            name="bare asyncpg",
            rival=lambda _: ("benchmarks.intake_sql", f"--url={server.url}"),
            source=lambda _: f"type: sql, url: '{server.url}', query: '{QUERY}', cursor: id",
        )


def main() -> None:
    given = arguments(__doc__)
    if given.url:
        asyncio.run(read_as_rival(given.url, Path(given.path)))
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), count=given.count, rounds=given.rounds)


if __name__ == "__main__":
    main()
