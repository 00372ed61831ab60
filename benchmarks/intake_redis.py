"""RequestIDs a second that the real exporter takes in durably from a Redis stream, against a bare loop with redis-py.

`python -m benchmarks.intake_redis [--count 60000] [--rounds 3]` prints both figures of each round and their ratio. The rival reads
the same stream by a consumer group in batches of 1,000, inserts with executemany and the exporter's pragmas, acknowledges,
and checks nothing. Both are processes of their own and take turns. Entries have a request_id and a submitted_at.
"""

import argparse
import statistics
import tempfile
import time
import uuid
from datetime import datetime
from pathlib import Path
from random import Random

from redis import Redis

from benchmarks.intake_store import BATCH, Rival
from benchmarks.taken_in import speed_of_exporter, speed_of_rival
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
        ratios = []
        for number in range(1, rounds + 1):
            rival = ("benchmarks.intake_redis", f"--url={server.url}", f"--group=rival-{number}")
            plain = speed_of_rival(folder / f"rival-{number}", *rival, count=count)
            source = f"type: redis, url: '{server.url}', stream: {STREAM}, group: exporter-{number}"
            ours = speed_of_exporter(folder / f"exporter-{number}", source, count)
            ratios.append(ours.rate / plain.rate)
            print(f"round {number}: exporter {ours}, bare redis-py {plain}, ratio {ratios[-1]:.2f}")
        print(f"median ratio {statistics.median(ratios):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--group", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.url:
        read_as_rival(given.url, given.group, given.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), count=given.count, rounds=given.rounds)


if __name__ == "__main__":
    main()
