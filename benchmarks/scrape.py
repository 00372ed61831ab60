"""Scrapes every second and the lag of the event loop, while 200 accounts are polled as fast as the process can.

`python -m benchmarks.scrape [--seconds 20] [--policy P]`. The rival is prometheus_client writing the same families, nothing
else running.
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
import uuid
from random import Random

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from benchmarks.polls import settings
from benchmarks.upstream import upstream
from exporter import loop
from exporter.clock import SteadyClock
from exporter.engine.engine import Engine
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.collector import Build, Collector, StoreState, start_known
from exporter.metrics.meters import Meters
from exporter.metrics.official import Official
from exporter.metrics.scrape import Scraper
from exporter.sources.source import Entry
from exporter.store.open import open_store

ACCOUNTS = 200
REQUESTS_EACH = 200
LAG_EVERY = 0.005


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


async def load(engine: Engine) -> None:
    for account in engine.settings.accounts:
        entries = [
            Entry(request_id=str(uuid.uuid4()), account=account.name, api="lead_update", submitted=None)
            for _ in range(REQUESTS_EACH)
        ]
        await engine.intake.accept("push", entries)
    await asyncio.sleep(5.0)


async def lags(found: list[float]) -> None:
    while True:
        due = time.perf_counter() + LAG_EVERY
        await asyncio.sleep(LAG_EVERY)
        found.append(max(0.0, time.perf_counter() - due))


async def measure(base_url: str, seconds: float, policy: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        configured, meters = settings(base_url, ACCOUNTS, folder, policy=policy), Meters()
        transport = NetworkTransport()
        engine = Engine(
            configured,
            store=open_store(configured.storage.url, meters.commit),
            transport=transport,
            clock=SteadyClock(),
            meter=meters,
            random=Random(1),
        )
        await engine.start()
        for account in configured.accounts:
            start_known(engine.ledger, account=account.name, apis=tuple(account.apis), sources=["push"])
            meters.declare_account(account.name, account.apis)
        build = Build(version="0", revision="0", python_version="0")
        collector = Collector(
            engine.ledger, meters, engine.views, store=lambda: StoreState(up=True, undurable=0, spooled={}), build=build
        )
        scraper = Scraper(collector)
        # As the exporter does once it has started.
        gc.freeze()
        await load(engine)
        times, late = [], list[float]()
        watcher = asyncio.create_task(lags(late))
        for _ in range(round(seconds)):
            began = time.perf_counter()
            body, _ = await scraper.scrape(None, None, [])
            times.append(time.perf_counter() - began)
            await asyncio.sleep(1.0)
        watcher.cancel()
        await engine.stop()
        await transport.close()
        idle = official(collector)
        series = sum(not line.startswith(b"#") for line in body.splitlines())
        print(
            f"{series} series; under load median {statistics.median(times) * 1000:.0f} ms, p99 {p99(times) * 1000:.0f} ms"
        )
        print(f"prometheus_client, idle, median {idle * 1000:.0f} ms; ratio of the p99 {p99(times) / idle:.2f}")
        print(f"event loop lag p50 {statistics.median(late) * 1000:.1f} ms, p99 {p99(late) * 1000:.1f} ms")
        scraper.close()


def official(collector: Collector) -> float:
    registry = CollectorRegistry()
    registry.register(Official(collector))
    times = []
    for _ in range(5):
        began = time.perf_counter()
        generate_latest(registry)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--policy", default="round_robin")
    arguments = parser.parse_args()
    with upstream() as base_url:
        loop.run(measure(base_url, arguments.seconds, arguments.policy))


if __name__ == "__main__":
    main()
