"""Our writer against prometheus_client's, on the same scrape of 200 accounts (some 30,000 series).

`python -m benchmarks.exposition [--accounts 200] [--rounds 7]` prints the CPU time of both in each round, and their ratio.
Each round runs the two one after the other, so that a noisy machine troubles both. The rival gets its families ready made, which
its users pay for too: the ratio is to its advantage. The first rendering is left out on both sides; ours fills its cache there.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector as Registry

from exporter.config.settings import DURATION_BUCKETS
from exporter.core.ledger import Counter, Histogram, Ledger, Tally
from exporter.core.request import Progress, Status
from exporter.core.watch import QueueFigures
from exporter.metrics.collector import Build, Collector, StoreState, start_known
from exporter.metrics.exposition import render
from exporter.metrics.meters import Meters
from exporter.metrics.official import families
from exporter.metrics.snapshot import AccountView, ApiView, WindowView

API = "lead_update"
STEP = "in_process_queue"
NOW = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Ready(Registry):
    """Families that were made before."""

    metrics: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


def collector(accounts: int, random: Random) -> Collector:
    """A collector with that many busy accounts."""
    names = [f"account-{number:03}" for number in range(accounts)]
    ledger = Ledger(dict.fromkeys(Histogram, DURATION_BUCKETS))
    meters = Meters()
    for name in names:
        meters.declare_account(name, [API])
        start_known(ledger, account=name, apis=[API], sources=["gateway"])
        _count(ledger, meters, name, random)
    views = [_view(name, random) for name in names]
    build = Build(version="1.0.0", revision="unknown", python_version="3.11.0")
    return Collector(
        ledger, meters, lambda: views, store=lambda: StoreState(up=True, undurable=0, spooled={}), build=build
    )


def _count(ledger: Ledger, meters: Meters, account: str, random: Random) -> None:
    ledger.count([Tally(Counter.DISCOVERED, (account, API, "gateway"), 500)])
    for number in range(100):
        labels = (account, API, Status.SUCCESS)
        duration = random.expovariate(0.05)
        ledger.count([Tally(Counter.FINISHED, (*labels, STEP), random.randrange(40))])
        ledger.observe(
            [ledger.observation(Histogram.DURATION, labels, value=duration, request_id=f"{account}-{number}", time=NOW)]
        )
        meters.call(account, "status", 200, random.expovariate(5.0))
        meters.poll(account, API, "unchanged")


def _view(account: str, random: Random) -> AccountView:
    api = ApiView(
        api=API,
        pending={Progress(Status.IN_QUEUE, STEP, "none"): random.randrange(100)},
        stuck={},
        oldest_age=random.uniform(0, 900),
        staleness=random.uniform(0, 60),
        queue=QueueFigures(pending=3.0, max_delay=2.5, per_second=random.random()),
    )
    return AccountView(
        account=account,
        apis=(api,),
        windows=(
            WindowView(name="burst", allowed=12, seconds=5.0, used=random.randrange(13)),
            WindowView(name="daily", allowed=50_000, seconds=86_400.0, used=random.randrange(50_000)),
        ),
        up=True,
        last_success=NOW + random.random(),
        breaker="closed",
        pace=1.0,
    )


def milliseconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return (time.thread_time() - started) * 1000


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> None:
    ours(), theirs()
    pairs = [(milliseconds(ours), milliseconds(theirs)) for _ in range(rounds)]
    for mine, rival in pairs:
        print(f"  {name}: ours {mine:7.1f} ms, prometheus_client {rival:7.1f} ms, ratio {rival / mine:5.1f}")
    ratio = statistics.median(rival / mine for mine, rival in pairs)
    print(f"{name}: median ours {statistics.median(mine for mine, _ in pairs):.1f} ms, median ratio {ratio:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    source = collector(options.accounts, Random(1))
    snapshot = source.snapshot()
    ready = Ready(tuple(families(snapshot)))
    print(f"{options.accounts} accounts, {sum(len(metric.samples) for metric in ready.metrics)} series")
    taken = [milliseconds(source.snapshot) for _ in range(options.rounds)]
    print(f"snapshot on the event loop: median {statistics.median(taken):.2f} ms")
    compare("text", lambda: render(snapshot, openmetrics=False), lambda: generate_latest(ready), options.rounds)
    compare(
        "openmetrics",
        lambda: render(snapshot, openmetrics=True),
        lambda: generate_openmetrics(ready),  # type: ignore[no-untyped-call]
        options.rounds,
    )


if __name__ == "__main__":
    main()
