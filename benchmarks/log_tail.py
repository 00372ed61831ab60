"""RequestIDs a second that the log source takes in durably, against a script that reads, matches and inserts.

`python -m benchmarks.log_tail [--lines 200000] [--rows 200000] [--rounds 5]` prints both figures of each round and their ratio.
Ours is the whole way: source, checks, intake, SQLite store and the watch that polls. The rival reads the same file line by line,
searches each with the same regular expression and inserts in batches of the same size into bare sqlite3 with the same
pragmas; it remembers nothing and watches nothing. Both start with the same number of rows in the table.
"""

import argparse
import asyncio
import re
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from random import Random

from benchmarks.intake_store import Rival, ignore
from exporter.clock import SteadyClock
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, RateLimit, Settings, Storage
from exporter.config.settings import LogSource as LogSettings
from exporter.engine.engine import Engine
from exporter.errors import InvalidEntry
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.meters import Meters
from exporter.sources.environment import Environment
from exporter.sources.log.source import MOST_ENTRIES, LogSource
from exporter.sources.log.standard_input import StandardInput
from exporter.store.open import open_store

PATTERN = re.compile('RequestID[=": ]+(?P<request_id>[0-9a-f-]{36})')
LINE = "2026-01-31T12:00:00.000Z INFO  [worker-{}] c.a.crm.LeadUpdater - submitted 25 leads, RequestID={} in 113 ms\n"
APIS = {"lead_update": Api(name="lead_update", status_path="/lead/update/status", metrics_path=None)}
# One call an hour: the exporter has all its time for the intake.
ACCOUNT = Account(
    name="acme",
    base_url="http://127.0.0.1:1",
    api_key=InlineSecret("none"),
    rate_limit=RateLimit(calls=1, period=3600.0),
    apis=APIS,
)
random = Random(1)


def write(path: Path, lines: int) -> None:
    with path.open("w") as file:
        for number in range(lines):
            file.write(LINE.format(number % 8, uuid.UUID(int=random.getrandbits(128))))


def read(path: Path, rival: Rival) -> None:
    """What a script would do that needs no more than the rows."""
    rows: list[tuple[object, ...]] = []
    with path.open() as file:
        for line in file:
            match = PATTERN.search(line)
            if match is not None:
                rows.append((match["request_id"], "acme", "lead_update", "log", None, time.time()))
            if len(rows) == MOST_ENTRIES:
                rival.insert(rows)
                rows = []
    rival.insert(rows)


class Health:
    """Nothing may go wrong here."""

    def up(self, source: str) -> None:
        """As expected."""

    def down(self, source: str, error: Exception) -> None:
        raise SystemExit(f"{source}: {error}")

    def refused(self, source: str, error: InvalidEntry, count: int = 1) -> None:
        raise SystemExit(f"{source}: {error}")


def follow(path: Path, engine: Engine) -> LogSource:
    settings = LogSettings(
        account="acme", api="lead_update", paths=(str(path),), pattern=PATTERN, read_from="beginning", name=path.stem
    )
    return LogSource(
        settings,
        Environment(
            intake=engine.intake,
            health=Health(),
            clock=SteadyClock(),
            apis=lambda: {"acme": ["lead_update"]},
            random=random,
        ),
        positions={},
        standard_input=StandardInput(),
    )


async def ours(path: Path, engine: Engine) -> None:
    source = follow(path, engine)
    await source.look()
    await source.drain()


async def run(folder: Path, *, lines: int, rows: int, rounds: int) -> None:
    transport = NetworkTransport()
    engine = Engine(
        Settings(accounts=(ACCOUNT,), storage=Storage(max_pending=10**8)),
        store=open_store(f"sqlite:///{folder}/state.db", ignore),
        transport=transport,
        clock=SteadyClock(),
        meter=Meters(),
        random=random,
    )
    rival = Rival(folder / "rival.db")
    await engine.start()
    write(folder / "filling.log", rows)
    await ours(folder / "filling.log", engine)
    read(folder / "filling.log", rival)
    ratios = []
    for number in range(1, rounds + 1):
        path = folder / f"app-{number}.log"
        write(path, lines)
        began, used = time.perf_counter(), time.process_time()
        read(path, rival)
        plain, its_cpu = lines / (time.perf_counter() - began), (time.process_time() - used) / lines
        began, used = time.perf_counter(), time.process_time()
        await ours(path, engine)
        found, our_cpu = lines / (time.perf_counter() - began), (time.process_time() - used) / lines
        ratios.append(found / plain)
        told = f"log source {found:,.0f}/s, script {plain:,.0f}/s, ratio {found / plain:.2f}"
        print(f"round {number}: {told}; CPU {our_cpu * 1e6:.1f} and {its_cpu * 1e6:.1f} µs each")
    print(f"median ratio {statistics.median(ratios):.2f}")
    if engine.intake.pending != rows + rounds * lines:
        raise SystemExit(f"{engine.intake.pending} requests in place of {rows + rounds * lines}")
    rival.close()
    await engine.stop()
    await transport.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder), lines=given.lines, rows=given.rows, rounds=given.rounds))


if __name__ == "__main__":
    main()
