"""Polls a second of the whole engine with many accounts, against a bare aiohttp loop doing the same GETs and JSON decoding.

`python -m benchmarks.polls [--accounts 200] [--seconds 8] [--rounds 3] [--first] [--policy P] [--profile]` prints both
figures of each round and their ratio. Rival and engine run in turn, each in a fresh process, against an upstream in a process
of its own.

Measured are polls that change nothing, as nearly all are: every request was answered once before. With `--first` it is the
opposite: every poll is the first of its request, so each is a transition that has to be committed.
"""

import argparse
import asyncio
import cProfile
import json
import multiprocessing
import pstats
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from random import Random

import aiohttp

from benchmarks.upstream import upstream
from exporter import loop
from exporter.clock import SteadyClock
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, Polling, RateLimit, Settings, Storage
from exporter.core.request import Outcome
from exporter.engine.engine import Engine
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.meters import Meters
from exporter.options import ASYNCIO, AUTO, UVLOOP
from exporter.sources.source import Entry
from exporter.store.open import open_store

AT_ONCE = 64
# Enough that no policy has to wait until one may be asked again, a second after its last poll.
REQUESTS_EACH = 150
# Enough that the first answers do not end within the measurement.
FIRST_REQUESTS_EACH = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """Polls a second, and the CPU seconds of the process that one poll takes, which other work on the machine sways less."""

    rate: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.rate:6.0f}/s, {self.cpu * 1e6:4.0f} us of CPU each"


def settings(base_url: str, accounts: int, folder: str, *, policy: str) -> Settings:
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
        polling=Polling(policy=policy, effort="high"),
        storage=Storage(url=f"sqlite:///{folder}/state.db"),
    )


async def engine_polls(base_url: str, accounts: int, seconds: float, *, first: bool, policy: str) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        configured, meters, clock = settings(base_url, accounts, folder, policy=policy), Meters(), SteadyClock()
        transport = NetworkTransport()
        store = open_store(configured.storage.url, meters.commit)
        engine = Engine(configured, store=store, transport=transport, clock=clock, meter=meters, random=Random(1))
        await engine.start()
        for account in configured.accounts:
            entries = [
                Entry(request_id=str(uuid.uuid4()), account=account.name, api="lead_update", submitted=None)
                for _ in range(FIRST_REQUESTS_EACH if first else REQUESTS_EACH)
            ]
            await engine.intake.accept("push", entries)
        while not polls(meters) if first else polls(meters, Outcome.ADVANCED) < accounts * REQUESTS_EACH:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        before, began, spent = polls(meters), clock.now(), time.process_time()
        await asyncio.sleep(seconds)
        done = polls(meters) - before
        figures = Figures(done / (clock.now() - began), (time.process_time() - spent) / done)
        await engine.stop()
        await transport.close()
        return figures


def polls(meters: Meters, outcome: Outcome | None = None) -> float:
    return sum(count for (*_, found), count in meters.polls.items() if outcome in (None, found))


async def bare_polls(base_url: str, seconds: float) -> Figures:
    done = 0
    clock, spent = SteadyClock(), time.process_time()
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
    return Figures(done / seconds, (time.process_time() - spent) / done)


def measured(measure: Callable[[], Coroutine[object, object, Figures]], event_loop: str) -> Figures:
    """The figures out of a fresh process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    run = partial(loop.run, choice=event_loop)
    process = multiprocessing.get_context("fork").Process(target=lambda: sender.send(run(measure())))
    process.start()
    figures: Figures = receiver.recv()
    process.join()
    return figures


def compare(
    ours: Callable[[], Coroutine[object, object, Figures]],
    rival: Callable[[], Coroutine[object, object, Figures]],
    event_loop: str,
    rounds: int,
) -> None:
    """The engine as it is started, and the rival on the event loop that its user has chosen."""
    rates, costs = [], []
    for _ in range(rounds):
        engine, bare = measured(ours, AUTO), measured(rival, event_loop)
        rates.append(engine.rate / bare.rate)
        costs.append(bare.cpu / engine.cpu)
        print(
            f"engine {engine}   bare aiohttp on {event_loop} {bare}   ratio {rates[-1]:.2f}, of the CPU time {costs[-1]:.2f}"
        )
    ratio, cost = statistics.median(rates), statistics.median(costs)
    print(f"against {event_loop}: median ratio {ratio:.2f}, of the CPU time {cost:.2f}")


def profile(measure: Callable[[], Coroutine[object, object, Figures]]) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    loop.run(measure())
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--policy", default="round_robin")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    with upstream() as base_url:
        ours = partial(
            engine_polls,
            base_url,
            arguments.accounts,
            arguments.seconds,
            first=arguments.first,
            policy=arguments.policy,
        )
        if arguments.profile:
            profile(ours)
            return
        rival = partial(bare_polls, base_url, arguments.seconds)
        for event_loop in (ASYNCIO, UVLOOP):
            compare(ours, rival, event_loop, arguments.rounds)


if __name__ == "__main__":
    main()
