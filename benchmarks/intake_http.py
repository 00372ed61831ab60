"""RequestIDs a second that the real exporter takes in durably over HTTP, against a bare handler with sqlite3.

`python -m benchmarks.intake_http [--rows 200000] [--batches 60] [--callers 4] [--rounds 3]` prints both figures of each round
and their ratio. The rival is an aiohttp handler that decodes the same JSON, inserts its rows with executemany and commits,
with the same pragmas, and checks nothing. Both are processes of their own and take turns; each batch has 1,000 RequestIDs with
the time of their submission.
"""

import argparse
import asyncio
import json
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import aiohttp
from aiohttp import web

from benchmarks.intake_store import BATCH, Rival
from exporter.core.request import Submission

# One call an hour: the exporter has all its time for the intake, and asks nobody.
CONFIGURATION = """\
accounts:
  - name: acme
    base_url: http://127.0.0.1:1
    api_key: none
    rate_limit: {{calls: 1, period: 1h, share: 1}}
sources: [{{type: push}}]
storage: {{url: "sqlite:///{folder}/state.db", max_pending: 10000000}}
"""
PATH = "/api/v1/requests"
START_SECONDS = 30.0
random = Random(1)


def body() -> bytes:
    submitted = datetime.now(UTC).isoformat(timespec="milliseconds")
    ids = [{"request_id": str(uuid.UUID(int=random.getrandbits(128))), "submitted_at": submitted} for _ in range(BATCH)]
    return json.dumps([{"account": "acme", "api": "lead_update", "request_ids": ids}]).encode()


def serve_rival(path: Path, port: int) -> None:
    """The handler of a script that trusts its callers."""
    rival = Rival(path)

    async def add(request: web.Request) -> web.Response:
        (group,) = json.loads(await request.read())
        now = time.time()
        rival.admit(
            [
                Submission(
                    request_id=one["request_id"],
                    account=group["account"],
                    api=group["api"],
                    source="push",
                    submitted=datetime.fromisoformat(one["submitted_at"]).timestamp(),
                    first_seen=now,
                )
                for one in group["request_ids"]
            ]
        )
        return web.json_response({"accepted": len(group["request_ids"]), "known": 0}, status=202)

    application = web.Application(client_max_size=8 * 1024 * 1024)
    application.router.add_post(PATH, add)
    web.run_app(application, host="127.0.0.1", port=port, print=None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@asynccontextmanager
async def serving(port: int, *command: str) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command)
    try:
        await _ready(process, f"http://127.0.0.1:{port}/-/ready")
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        process.terminate()
        await process.wait()


async def _ready(process: Process, url: str) -> None:
    """The rival knows no such path, and may be asked as soon as it says so."""
    deadline = time.monotonic() + START_SECONDS
    async with aiohttp.ClientSession() as session:
        while process.returncode is None and time.monotonic() < deadline:
            with suppress(aiohttp.ClientConnectionError):
                async with session.get(url) as response:
                    if response.status in (200, 404):
                        return
            await asyncio.sleep(0.05)
    raise SystemExit("a server does not start")


async def rate(session: aiohttp.ClientSession, url: str, bodies: list[bytes], callers: int) -> float:
    """RequestIDs a second, all of them committed."""
    began = time.perf_counter()
    await asyncio.gather(*(post_all(session, url, bodies[caller::callers]) for caller in range(callers)))
    return len(bodies) * BATCH / (time.perf_counter() - began)


async def post_all(session: aiohttp.ClientSession, url: str, bodies: list[bytes]) -> None:
    for one in bodies:
        async with session.post(url, data=one, headers={"Content-Type": "application/json"}) as response:
            answer = await response.json()
            if (response.status, answer) != (202, {"accepted": BATCH, "known": 0}):
                raise SystemExit(f"not taken in: {response.status} {answer}")


async def run(folder: Path, *, rows: int, batches: int, callers: int, rounds: int) -> None:
    (folder / "config.yaml").write_text(CONFIGURATION.format(folder=folder))
    ports = free_port(), free_port()
    ours = ("exporter", f"--config.file={folder}/config.yaml", f"--web.listen-address=127.0.0.1:{ports[0]}")
    theirs = ("benchmarks.intake_http", f"--rival={folder}/rival.db", f"--port={ports[1]}")
    async with (
        serving(ports[0], *ours, "--log.level=error") as exporter,
        serving(ports[1], *theirs) as rival,
        aiohttp.ClientSession() as session,
    ):
        filling = [body() for _ in range(rows // BATCH)]
        for url in (exporter, rival):
            await rate(session, url, filling, callers)
        ratios = []
        for number in range(1, rounds + 1):
            work = [body() for _ in range(batches)]
            plain = await rate(session, rival, work, callers)
            found = await rate(session, exporter, work, callers)
            ratios.append(found / plain)
            print(f"round {number}: exporter {found:,.0f}/s, bare handler {plain:,.0f}/s, ratio {found / plain:.2f}")
        print(f"median ratio {statistics.median(ratios):.2f}")
    check(folder / "state.db", rows // BATCH * BATCH + rounds * batches * BATCH)


def check(path: Path, expected: int) -> None:
    """What was answered is in the database."""
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM requests").fetchone()
    connection.close()
    if count != expected:
        raise SystemExit(f"{count} rows in place of {expected}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rival", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rival:
        serve_rival(given.rival, given.port)
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(
            run(Path(folder), rows=given.rows, batches=given.batches, callers=given.callers, rounds=given.rounds)
        )


if __name__ == "__main__":
    main()
