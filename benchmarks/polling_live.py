"""The whole exporter against the simulated LeadSquared, over HTTP and in real time, beside `simulate` on the same traces.

`python -m benchmarks.polling_live [--requests 900] [NAME …]`. Times are a fourth of those of the workloads of
`benchmarks.polling`: 20 calls a second. For each policy an exporter of its own runs, all at the same time; every one watches
the same requests. Printed are the mean detection delays; the order of the policies has to be the same, live and simulated.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import log
from random import Random

from exporter.clock import SteadyClock
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, Polling, RateLimit, Settings, Storage
from exporter.engine.engine import Engine
from exporter.http.place import Place
from exporter.leadsquared.network import NetworkTransport
from exporter.leadsquared.transport import RawAnswer
from exporter.metrics.meters import Meters
from exporter.simulate.report import report
from exporter.simulate.run import Conditions
from exporter.simulate.setup import Setup, simulate
from exporter.simulate.trace import Trace
from exporter.simulate.workloads.arrivals import at_once, steady
from exporter.simulate.workloads.independent import independent
from exporter.simulate.workloads.queues import queue
from exporter.simulator.door import Account as RemoteAccount
from exporter.simulator.fate import finishes
from exporter.simulator.remote import Remote
from exporter.simulator.server import SimulatorServer
from exporter.sources.source import Entry
from exporter.store.open import open_store

POLICIES = ("learned", "age", "round_robin")
CALLS, PERIOD = 20, 1.0
API = "lead_update"
# An exporter waits out its window, and a little more, before its first call.
WARM_UP = 4.0
AFTER = 20.0


def narrow(random: Random, requests: int) -> Trace:
    times = steady(random, per_second=8.0, requests=requests)
    return independent(random, times, lambda r, _: r.lognormvariate(log(10), 0.15))


def backlog(random: Random, requests: int) -> Trace:
    return queue(random, at_once(requests), lambda r, _: r.expovariate(16.0))


WORKLOADS: Mapping[str, Callable[[Random, int], Trace]] = {"narrow": narrow, "backlog": backlog}


class Noting:
    """A Transport that notes when the first final answer about each RequestID arrived."""

    def __init__(self, clock: SteadyClock) -> None:
        self.ended: dict[str, float] = {}
        self._clock = clock
        self._network = NetworkTransport()

    async def get(self, place: Place, target: str, *, headers: Mapping[str, str], timeout: float) -> RawAnswer:
        answer = await self._network.get(place, target, headers=headers, timeout=timeout)
        if b'"Success"' in answer.body:
            self.ended.setdefault(target.rpartition("=")[2], self._clock.now())
        return answer

    async def close(self) -> None:
        await self._network.close()


@dataclass(frozen=True, slots=True)
class Exporter:
    """One of them under a policy, with what it noticed."""

    policy: str
    engine: Engine
    noting: Noting


def live(trace: Trace) -> dict[str, float]:
    """Mean detection delays in seconds, by policy."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_live(trace, folder))


def simulated(trace: Trace) -> dict[str, float]:
    horizon = max(one.finished or 0.0 for one in trace) + AFTER
    found = {}
    for policy in POLICIES:
        setup = Setup(policy=policy, calls=CALLS, period=PERIOD, conditions=Conditions(horizon=horizon, latency=0.005))
        outcome = simulate(trace, setup)
        found[policy] = report(policy, trace, outcome, horizon=horizon, period=PERIOD).delay_mean or 0.0
    return found


async def _live(trace: Trace, folder: str) -> dict[str, float]:
    clock = SteadyClock()
    accounts = [RemoteAccount(name=name, key=name, calls=CALLS, period=PERIOD) for name in POLICIES]
    remote = Remote(accounts=accounts)
    server = SimulatorServer(remote, clock=clock)
    await server.start()
    exporters = [await _exporter(policy, server.url, folder, clock) for policy in POLICIES]
    await asyncio.sleep(WARM_UP)
    origin = clock.now()
    await asyncio.gather(*(_submit(trace, one, remote, origin, clock) for one in exporters))
    end = origin + max(one.finished or 0.0 for one in trace) + AFTER
    while clock.now() < end and any(len(one.noting.ended) < len(trace) for one in exporters):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    found = {one.policy: _mean_delay(trace, one, origin, end) for one in exporters}
    for one in exporters:
        await one.engine.stop()
        await one.noting.close()
    await server.stop()
    return found


async def _exporter(policy: str, url: str, folder: str, clock: SteadyClock) -> Exporter:
    api = Api(name=API, status_path="/lead/update/status", metrics_path=None)
    limit = RateLimit(calls=CALLS, period=PERIOD, share=Fraction(1))
    account = Account(name=policy, base_url=url, api_key=InlineSecret(policy), rate_limit=limit, apis={API: api})
    settings = Settings(
        accounts=(account,), polling=Polling(policy=policy), storage=Storage(url=f"sqlite:///{folder}/{policy}.db")
    )
    meters, noting = Meters(), Noting(clock)
    store = open_store(settings.storage.url, meters.commit)
    engine = Engine(settings, store=store, transport=noting, clock=clock, meter=meters, random=Random(1))
    await engine.start()
    return Exporter(policy, engine, noting)


async def _submit(trace: Trace, exporter: Exporter, remote: Remote, origin: float, clock: SteadyClock) -> None:
    """Requests of the same time come in one batch."""
    place = 0
    while place < len(trace):
        at = trace[place].submitted
        await asyncio.sleep(max(0.0, origin + at - clock.now()))
        entries = []
        while place < len(trace) and trace[place].submitted == at:
            entries.append(_entry(trace, place, exporter.policy, remote, origin))
            place += 1
        await exporter.engine.intake.accept("push", entries)


def _entry(trace: Trace, place: int, account: str, remote: Remote, origin: float) -> Entry:
    request, request_id = trace[place], f"{account}-{place}"
    assert request.finished is not None
    submitted = origin + request.submitted
    script = finishes(request.finished - request.submitted)
    remote.submit(account=account, api=API, now=submitted, request_id=request_id, script=script)
    return Entry(request_id=request_id, account=account, api=API, submitted=submitted)


def _mean_delay(trace: Trace, exporter: Exporter, origin: float, end: float) -> float:
    ended = exporter.noting.ended
    delays = [
        ended.get(f"{exporter.policy}-{place}", end) - origin - (request.finished or 0.0)
        for place, request in enumerate(trace)
    ]
    return sum(delays) / len(delays)


def _order(found: Mapping[str, float]) -> list[str]:
    return sorted(found, key=found.__getitem__)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="NAME", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--requests", type=int, default=900)
    arguments = parser.parse_args()
    same = True
    for name in arguments.workloads or WORKLOADS:
        trace, began = WORKLOADS[name](Random(1), arguments.requests), time.monotonic()
        real, virtual = live(trace), simulated(trace)
        same = same and _order(real)[0] == _order(virtual)[0] == "learned"
        for kind, found in (("live", real), ("simulated", virtual)):
            means = "   ".join(f"{policy} {found[policy]:6.2f} s" for policy in POLICIES)
            print(f"{name:8} {kind:10} {means}   order: {' < '.join(_order(found))}")
        print(f"{'':8} {time.monotonic() - began:.0f} s")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
