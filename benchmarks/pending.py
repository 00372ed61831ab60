"""A million pending requests: bytes resident each, and the time from a database that holds them to ready.

`python -m benchmarks.pending [--requests 1000000] [--policy learned]`. The rival is the same requests as a dict of frozen
slotted dataclasses.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
import uuid
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.polls import settings
from exporter.clock import SteadyClock
from exporter.core.request import Record, Submission
from exporter.engine.engine import Engine
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.meters import Meters
from exporter.store.open import open_store

BATCH = 10_000


def resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) * 1024


async def fill(folder: str, requests: int) -> None:
    store, random = open_store(f"sqlite:///{folder}/state.db", lambda _: None), Random(1)
    await store.load()
    for _ in range(requests // BATCH):
        await store.admit([submission(random) for _ in range(BATCH)])
    await store.close([])


def submission(random: Random) -> Submission:
    return Submission(
        request_id=str(uuid.UUID(int=random.getrandbits(128))),
        account="account-000",
        api="lead_update",
        source="push",
        submitted=time.time(),
        first_seen=time.time(),
    )


async def start(policy: str, folder: str, requests: int) -> str:
    store, meters = open_store(f"sqlite:///{folder}/state.db", lambda _: None), Meters()
    configured = settings("http://127.0.0.1:9", 1, folder, policy=policy)
    transport, clock, before = NetworkTransport(), SteadyClock(), resident()
    engine = Engine(configured, store=store, transport=transport, clock=clock, meter=meters, random=Random(1))
    began, spent = time.perf_counter(), time.process_time()
    await engine.start()
    seconds, each = time.perf_counter() - began, (resident() - before) / requests
    spent = time.process_time() - spent
    await engine.stop()
    await transport.close()
    return f"exporter         {each:4.0f} bytes resident each, {seconds:.1f} s ({spent:.1f} s of CPU) from the database to ready"


async def rival(folder: str, requests: int) -> str:
    store, before, began = open_store(f"sqlite:///{folder}/state.db", lambda _: None), resident(), time.perf_counter()
    spent = time.process_time()
    records: dict[str, Record] = {record.request_id: record for record in (await store.load()).pending}
    seconds, each = time.perf_counter() - began, (resident() - before) / len(records)
    spent = time.process_time() - spent
    await store.close([])
    return f"dict of records  {each:4.0f} bytes resident each, {seconds:.1f} s ({spent:.1f} s of CPU), without schedule and ages"


def in_a_process(measure: Callable[[str, int], Coroutine[Any, Any, str]], folder: str, requests: int) -> None:
    process = multiprocessing.get_context("fork").Process(target=lambda: print(asyncio.run(measure(folder, requests))))
    process.start()
    process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--policy", default="learned")
    arguments = parser.parse_args()
    requests = arguments.requests
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(folder, requests))
        in_a_process(partial(start, arguments.policy), folder, requests)
        in_a_process(rival, folder, requests)


if __name__ == "__main__":
    main()
