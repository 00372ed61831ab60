"""RequestIDs a second that the real exporter takes in durably from a Redis stream, against a bare loop with redis-py.

`python -m benchmarks.intake_redis [--count 60000] [--rounds 3]` prints both figures of each round and their ratio. The rival reads
the same stream by a consumer group in batches of 1,000, inserts with executemany and the exporter's pragmas, acknowledges,
and checks nothing. Both are processes of their own and take turns. Entries have a request_id and a submitted_at.
"""

import tempfile
import time
import uuid
from datetime import datetime
from pathlib import Path
from random import Random

from redis import Redis

from benchmarks.intake_store import BATCH, Rival
from benchmarks.taken_in import arguments, compare
from exporter.core.request import Submission
from tests.servers import redis_server

STREAM = "lsq"
SUBMITTED = "2026-01-31T12:00:00.000Z"
random = Random(1)


def fill(url: str, count: int) -> None:
    with Redis.from_url(url) as client:
        for _ in range(count // BATCH):
            with client.pipeline(transaction=False) as pipeline:
                for _ in range(BATCH):
                    request_id = str(uuid.UUID(int=random.getrandbits(128)))
                    pipeline.xadd(STREAM, {"request_id": request_id, "submitted_at": SUBMITTED})
                pipeline.execute()


def read_as_rival(url: str, group: str, path: Path) -> None:
    """A script that trusts its producers."""
    rival = Rival(path)
    with Redis.from_url(url, decode_responses=True, protocol=2) as client:
        client.xgroup_create(STREAM, group, id="0")
        while found := client.xreadgroup(group, "one", {STREAM: ">"}, count=BATCH, block=10_000):
            (_, entries) = found[0]
            now = time.time()
            rival.admit([_submission(fields, now) for _, fields in entries])
            client.xack(STREAM, group, *(key for key, _ in entries))


def _submission(fields: dict[str, str], now: float) -> Submission:
    return Submission(
        request_id=fields["request_id"],
        account="acme",
        api="lead_update",
        source="redis",
        submitted=datetime.fromisoformat(fields["submitted_at"]).timestamp(),
        first_seen=now,
    )


def run(folder: Path, *, count: int, rounds: int) -> None:
    with redis_server(folder) as server:
        fill(server.url, count)
        compare(
            folder,
            count=count,
            rounds=rounds,
            name="bare redis-py",
            rival=lambda number: ("benchmarks.intake_redis", f"--url={server.url}", f"--group=rival-{number}"),
            source=lambda number: f"type: redis, url: '{server.url}', stream: {STREAM}, group: exporter-{number}",
        )


def main() -> None:
    given = arguments(__doc__, "group")
    if given.url:
        read_as_rival(given.url, given.group, Path(given.path))
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), count=given.count, rounds=given.rounds)


if __name__ == "__main__":
    main()
