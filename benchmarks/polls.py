"""Polls a second of the whole engine with many accounts, against a bare aiohttp loop doing the same GETs and JSON decoding.

`python -m benchmarks.polls [--accounts 200] [--seconds 8] [--rounds 3] [--profile]` prints both figures of each round and
their ratio. Rival and engine run in turn, each in a fresh process, against an upstream in a process of its own.
"""

import argparse
import asyncio
import cProfile
import json
import multiprocessing
import pstats
import statistics
import tempfile
import uuid
from dataclasses import replace
from random import Random

import aiohttp

from benchmarks.upstream import upstream
from exporter.clock import SteadyClock
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, Polling, RateLimit, Settings, Storage
from exporter.engine.engine import Engine
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.meters import Meters
from exporter.sources.source import Entry
from exporter.store.open import open_store

AT_ONCE = 64
REQUESTS_EACH = 50


def settings(base_url: str, accounts: int, folder: str) -> Settings:
    api = Api(name="lead_update", status_path="/lead/update/status", metrics_path=None)
    one = Account(
        name="",
        base_url=base_url,
        api_key=InlineSecret("benchmark"),
        rate_limit=RateLimit(calls=100_000, period=1.0),
        apis={"lead_update": api},
    )
    return Settings(
        accounts=tuple(replace(one, name=f"account-{number:03}") for number in range(accounts)),
        polling=Polling(policy="round_robin"),
        storage=Storage(url=f"sqlite:///{folder}/state.db"),
    )


async def engine_polls(base_url: str, accounts: int, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        configured, meters, clock = settings(base_url, accounts, folder), Meters(), SteadyClock()
        store = open_store(configured.storage.url, meters.commit)
        engine = Engine(
            configured, store=store, transport=NetworkTransport(), clock=clock, meter=meters, random=Random(1)
        )
        await engine.start()
        for account in configured.accounts:
            entries = [
                Entry(request_id=str(uuid.uuid4()), account=account.name, api="lead_update", submitted=None)
                for _ in range(REQUESTS_EACH * 4)
            ]
            await engine.intake.accept("push", entries)
        # A start waits out the window, and a little more.
        await asyncio.sleep(5.0)
        before, began = polls(meters), clock.now()
        await asyncio.sleep(seconds)
        rate = (polls(meters) - before) / (clock.now() - began)
        await engine.stop()
        return rate


def polls(meters: Meters) -> float:
    return sum(meters.polls.values())


async def bare_polls(base_url: str, accounts: int, seconds: float) -> float:
    done = 0
    clock = SteadyClock()
    end = clock.now() + seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask() -> None:
            nonlocal done
            while clock.now() < end:
                params, headers = {"RequestID": str(uuid.uuid4())}, {"x-api-key": "benchmark"}
                async with session.get(f"{base_url}/lead/update/status", params=params, headers=headers) as response:
                    json.loads(await response.read())
                done += 1

        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    return done / seconds


def measured(what: str, base_url: str, accounts: int, seconds: float) -> float:
    """One figure out of a fresh process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    measure = engine_polls if what == "engine" else bare_polls
    process = multiprocessing.get_context("fork").Process(
        target=lambda: sender.send(asyncio.run(measure(base_url, accounts, seconds)))
    )
    process.start()
    rate: float = receiver.recv()
    process.join()
    return rate


def profile(base_url: str, accounts: int, seconds: float) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    asyncio.run(engine_polls(base_url, accounts, seconds))
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    with upstream() as base_url:
        if arguments.profile:
            profile(base_url, arguments.accounts, arguments.seconds)
            return
        ratios = []
        for _ in range(arguments.rounds):
            engine = measured("engine", base_url, arguments.accounts, arguments.seconds)
            bare = measured("bare", base_url, arguments.accounts, arguments.seconds)
            ratios.append(engine / bare)
            print(f"engine {engine:8.0f}/s   bare aiohttp {bare:8.0f}/s   ratio {engine / bare:.2f}")
        print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
