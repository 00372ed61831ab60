"""A world in virtual time: a remote that tells the truth to the test, an application, and an exporter that dies and returns.

Everything random comes from the seed, so a seed is a run.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, Polling, RateLimit, Settings
from exporter.core.ledger import Counter, Histogram
from exporter.core.request import Record, State, Status
from exporter.engine.engine import Engine
from exporter.errors import IntakeError, StoreError
from exporter.leadsquared.endpoints import BY_NAME
from exporter.metrics.meters import Meters
from exporter.simulator.door import Account as RemoteAccount
from exporter.simulator.options import Options
from exporter.simulator.remote import Remote
from exporter.simulator.transport import MemoryTransport, Network, Wire
from exporter.simulator.virtual_time import EPOCH, Crash, VirtualLoop
from exporter.sources.groups import FURTHEST_AHEAD
from exporter.sources.source import Entry
from exporter.store.memory import Durable, MemoryStore
from tests.clocks import STEPS, Machine
from tests.simulation.power import PoweredStore

CALM = Options(queue_rate=5.0, queue_workers=3, queue_failure=0.1, queue_error=0.05, queue_time_scale=60.0)
CALM_NETWORK = Network(latency=0.03, jitter=0.02)
TROUBLES = (
    CALM,
    replace(CALM, fault_reset=0.05, fault_reset_after=0.05, fault_cut=0.05, fault_hang=0.02, fault_hang_for=45.0),
    replace(CALM, fault_server_error=0.1, fault_bad_gateway=0.1, fault_unavailable=0.1, fault_error_ok=0.1),
    replace(CALM, fault_truncated=0.1, fault_html=0.1, fault_empty=0.1, fault_wrong_id=0.2, fault_bad_request=0.1),
    replace(CALM, fault_rate_limited=0.1, fault_rate_limited_ok=0.05, limit_retry_after=True, limit_form="gateway"),
    replace(CALM, fault_unknown_id=0.02, fault_null_status=0.02, fault_unlisted_step=0.2),
    replace(CALM, fault_unauthorized=0.02, fault_forbidden=0.02, fault_unauthorized_ok=0.02),
    replace(CALM, queue_between_retries="error", answer_status_case="upper", answer_message="null", id_key="missing"),
    replace(CALM, answer_latency=2.0, answer_jitter=6.0),
)
NETWORKS = (
    CALM_NETWORK,
    Network(latency=0.5, jitter=0.1),
    Network(latency=0.03, refused=0.3),
    Network(latency=0.03, jitter=0.1, lost=0.05, answer_lost=0.05),
)


WAYS = ("push", "log", "gateway")
# Longer than the store is broken.
FORGETFUL_SECONDS = 120.0


class Violation(AssertionError):
    """A promise that was broken, with the seed that shows it."""


@dataclass(slots=True)
class Scraped:
    """What a scrape has shown so far: counters may never fall below it."""

    counters: dict[tuple[str, ...], float] = field(default_factory=dict)


# The learned policy saves polls and so seldom fills a window; the others do.
POLICIES = (("learned", "normal"), ("round_robin", "normal"), ("learned", "high"), ("age", "normal"))


def settings(seed: int) -> Settings:
    """Two accounts of different limits, one with a daily budget, on two APIs."""
    policy, effort = POLICIES[seed % len(POLICIES)]
    apis = {name: _api(name) for name in ("lead_update", "activity_create_custom")}
    key = InlineSecret("world-key")
    return Settings(
        accounts=(
            Account(
                name="fast",
                base_url="http://127.0.0.1",
                api_key=InlineSecret("fast-key"),
                rate_limit=RateLimit(calls=25, period=5.0, daily=60_000),
                apis=apis,
            ),
            Account(
                name="slow",
                base_url="http://127.0.0.1",
                api_key=key,
                rate_limit=RateLimit(calls=5, period=5.0),
                apis={"lead_update": apis["lead_update"]},
            ),
        ),
        polling=Polling(
            timeout=10.0,
            max_staleness=300.0,
            error_grace=1200.0,
            give_up_after=86400.0,
            policy=policy,
            effort=effort,
        ),
    )


def _api(name: str) -> Api:
    endpoint = BY_NAME[name]
    return Api(name=name, status_path=endpoint.status_path, metrics_path=endpoint.metrics_path)


class World:
    """`run` lives through it; Violation when a promise is broken. With `steps` the wall clock is wrong at the start, and is set
    now and then: while a process lives and between two, of which some have a reboot in between."""

    def __init__(self, seed: int, *, hours: float = 1.0, steps: bool = False) -> None:
        self.seed = seed
        self.now = EPOCH
        self.settings = settings(seed)
        self.durable = Durable()
        self.accepted: set[str] = set()
        self.offered: dict[str, Entry] = {}
        # What their times mean is not known exactly: they were being handed in while the clock was set, the process died soon after
        # that, or the machine was started again.
        self.doubtful: set[str] = set()
        self._submitted_at: dict[str, float] = {}
        self._set_at = 0.0
        self._loop: VirtualLoop | None = None
        self.lives = 0
        self.events: list[str] = []
        self._random = Random(f"{seed}/world")
        # Of its own, so that a world with steps is the same world but for them.
        self._time_random = Random(f"{seed}/time")
        self._steps = steps
        self.machine = Machine(self._true_time, self._time_random.choice(STEPS) if steps else 0.0)
        self._end = EPOCH + hours * 3600.0
        self._scraped = Scraped()
        self._power: PoweredStore | None = None
        self._engine: Engine | None = None
        self._serving = False
        remotes = [RemoteAccount(name="fast", key="fast-key"), RemoteAccount(name="slow", key="world-key", calls=5)]
        self.remote = Remote(CALM, seed, accounts=remotes, logged_calls=None)
        self.wire = Wire(self.remote)

    def run(self) -> None:
        while self.now < self._end:
            crash_at = self._random.randrange(200, 60_000) if self._random.random() < 0.8 else None
            self._live(crash_at, until=min(self._end, self.now + self._random.uniform(60.0, 1800.0)), calm=False)
        self._live(None, until=self.now + 4 * 3600.0, calm=True)
        self._check_the_end()

    def _live(self, crash_at: int | None, *, until: float, calm: bool) -> None:
        """One life of the process: from its start to a crash or a clean stop."""
        self.lives += 1
        self._serving = False
        if self._steps and self._time_random.random() < 0.3:
            self._set_the_clock()
            self._reboot()
        loop = self._loop = VirtualLoop(start=self.now, crash_at=crash_at)
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._life(loop, until, calm=calm))
            self.events.append(f"{loop.time() - EPOCH:9.3f} stop")
        except Crash:
            self.events.append(f"{loop.time() - EPOCH:9.3f} crash")
            if loop.time() - self._set_at < FORGETFUL_SECONDS:
                self.doubtful |= self.offered.keys()
            if self._serving and self._engine is not None:
                # A scrape may come at any moment; in this one it shows the most that a crash could take back.
                self._check_scrape(self._engine)
            self._sweep_up(loop)
        except Violation:
            # Tasks left pending would be complained of in whichever test the garbage is collected.
            self._sweep_up(loop)
            raise
        finally:
            self.now = loop.time()
            self._loop = None
            asyncio.set_event_loop(None)
            loop.close()
        self._check_door()

    def _true_time(self) -> float:
        return self.now if self._loop is None else self._loop.time()

    def _reboot(self) -> None:
        if self._time_random.random() < 0.5:
            self.machine.boots += 1
            self.doubtful |= self.offered.keys()

    def _sweep_up(self, loop: VirtualLoop) -> None:
        """The process is dead: nothing that its tasks do while they are taken down may have an effect."""
        for poller in self._engine.pollers.values() if self._engine is not None else ():
            poller.retire()
        loop.survive()
        if self._power is not None:
            self._power.cut()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    async def _life(self, loop: VirtualLoop, until: float, *, calm: bool) -> None:
        store = self._power = PoweredStore(
            MemoryStore(self.durable), sleep=asyncio.sleep, random=Random(f"{self.seed}/{self.lives}/store")
        )
        transport = MemoryTransport(
            self.wire, clock=loop, sleep=asyncio.sleep, seed=self.seed * 1000 + self.lives, network=CALM_NETWORK
        )
        self.remote.options = CALM
        self.remote.restore("slow")
        engine = self._engine = Engine(
            self.settings,
            store=store,
            transport=transport,
            clock=self.machine.process(),
            meter=Meters(),
            random=Random(self.seed),
        )
        await engine.start()
        self._serving = True
        self._check_scrape(engine)
        helpers = [asyncio.create_task(self._scrape(engine))]
        if self._steps:
            helpers.append(asyncio.create_task(self._set_the_clock_often()))
        if not calm:
            helpers += [
                asyncio.create_task(self._apply_load(engine, loop)),
                asyncio.create_task(self._make_trouble(transport, store)),
            ]
        while loop.time() < until and not (calm and self._settled(engine)):
            await asyncio.sleep(5.0)
            self._check_health(engine)
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        for helper in helpers:
            if not helper.cancelled() and (error := helper.exception()) is not None:
                raise error
        store.broken = False
        self._check_scrape(engine)
        await engine.stop()

    async def _set_the_clock_often(self) -> None:
        while True:
            await asyncio.sleep(self._time_random.expovariate(1 / 200.0))
            self._set_the_clock()

    def _set_the_clock(self) -> None:
        """Right, or wrong."""
        self.machine.set(self._time_random.choice((0.0, 0.0, *STEPS)))
        self._set_at = self._true_time()
        self.events.append(f"{self._set_at - EPOCH:9.3f} the clock is {self.machine.offset:+.0f} s")

    async def _apply_load(self, engine: Engine, loop: VirtualLoop) -> None:
        """An application that submits, hands the RequestIDs in, and tries again until that was answered."""
        choices = [(account.name, api) for account in self.settings.accounts for api in account.apis]
        while True:
            await asyncio.sleep(self._random.expovariate(1 / 6.0))
            # The remote takes calls in the order of their time: first those that have arrived meanwhile.
            self.wire.deliver(loop.time())
            for _ in range(self._random.choice((1, 1, 1, 2, 5, 20))):
                account, api = self._random.choice(choices)
                fate = self.remote.submit(account=account, api=api, now=loop.time())
                known = self._random.random() < 0.8
                self._submitted_at[fate.request_id] = loop.time()
                self.offered[fate.request_id] = Entry(
                    request_id=fate.request_id,
                    account=account,
                    api=api,
                    submitted=self.machine.wall() if known else None,
                )
            waiting = [entry for request_id, entry in self.offered.items() if request_id not in self.accepted]
            again = self._random.sample(sorted(self.accepted), min(2, len(self.accepted)))
            entries = [*waiting, *(self.offered[request_id] for request_id in again)]
            ways = self._random.sample(WAYS, self._random.randint(1, len(WAYS)))
            async with asyncio.timeout(1800.0):
                await asyncio.gather(*(self._hand_in(engine, way, entries) for way in ways))

    async def _hand_in(self, engine: Engine, way: str, entries: list[Entry]) -> None:
        """The same RequestIDs come by several ways at once: one of them whole, others in parts or one at a time, side by side or
        close behind a commit."""
        size = self._random.choice((1, 2, 5, len(entries)))
        for start in range(0, len(entries), size):
            await self._chance()
            furthest = self.machine.wall() + FURTHEST_AHEAD
            # As the sources do.
            fits = [one if (one.submitted or 0.0) <= furthest else one._replace(submitted=None) for one in entries]
            try:
                await engine.intake.accept(way, fits[start : start + size])
            except (IntakeError, StoreError):
                continue
            accepted = [entry.request_id for entry in entries[start : start + size]]
            self.accepted.update(accepted)
            self.doubtful.update(one for one in accepted if self._submitted_at[one] <= self._set_at)

    async def _chance(self) -> None:
        assert self._power is not None
        if self._random.random() < 0.5:
            await asyncio.wait((self._power.admitted(),), timeout=self._random.expovariate(1 / 0.02))
        for _ in range(self._random.randrange(5)):
            await asyncio.sleep(0)

    async def _make_trouble(self, transport: MemoryTransport, store: PoweredStore) -> None:
        """Trouble comes and goes, and there are good times in between."""
        while True:
            await asyncio.sleep(self._random.expovariate(1 / 60.0))
            self.remote.options = self._random.choice(TROUBLES)
            transport.network = self._random.choice(NETWORKS)
            store.broken = self._random.random() < 0.1
            if self._random.random() < 0.1:
                self.remote.revoke("slow", self._random.choice((401, 403)))
            await asyncio.sleep(self._random.expovariate(1 / 40.0))
            self.remote.options, transport.network, store.broken = CALM, CALM_NETWORK, False
            self.remote.restore("slow")

    async def _scrape(self, engine: Engine) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0.1, 15.0))
            self._check_scrape(engine)

    def _check_health(self, engine: Engine) -> None:
        if (trouble := engine.unhealthy()) is not None:
            broken = [poller.broken for poller in engine.pollers.values() if poller.broken is not None]
            raise self._violation(f"the engine is unhealthy: {trouble}") from (broken[0] if broken else None)

    def _check_scrape(self, engine: Engine) -> None:
        """In every scrape: discovered = pending + finished + abandoned, nothing negative, and no counter falls."""
        counters = engine.ledger.counters
        for view in engine.views():
            for api in view.apis:
                labels = (view.account, api.api)
                discovered = _sum(counters[Counter.DISCOVERED], labels)
                ended = _sum(counters[Counter.FINISHED], labels) + _sum(counters[Counter.ABANDONED], labels)
                pending = sum(api.pending.values())
                if discovered != pending + ended:
                    raise self._violation(f"{labels}: {discovered} discovered, {pending} pending, {ended} ended")
                if min([*api.pending.values(), *api.stuck.values(), 0]) < 0:
                    raise self._violation(f"{labels}: a gauge below zero")
                self._check_age(engine, labels, api.oldest_age)
        self._check_monotony(engine)

    def _check_age(self, engine: Engine, labels: tuple[str, str], oldest: float) -> None:
        """However the clock was set: no request seems older than it is, nor as old as none is."""
        account, api = labels
        table = engine.pollers[account].watch.tracker.table
        pending = [table.request_id(slot) or "" for slot in table if table.api(slot) == api]
        if not pending or not self.doubtful.isdisjoint(pending):
            return
        true = self._true_time() - min(self._submitted_at[one] for one in pending)
        dated = [self.offered[one].submitted is not None for one in pending]
        if oldest > true + 1.0 or (all(dated) and oldest < true - 1.0):
            raise self._violation(f"{labels}: the oldest is {true:.0f} s old, not {oldest:.0f} s")

    def _check_monotony(self, engine: Engine) -> None:
        shown: dict[tuple[str, ...], float] = {}
        for counter, series in engine.ledger.counters.items():
            shown |= {(counter, *labels): float(count) for labels, count in series.items()}
        for histogram, distributions in engine.ledger.histograms.items():
            shown |= {(histogram, *labels): float(sum(one.counts)) for labels, one in distributions.items()}
        for key, before in self._scraped.counters.items():
            if shown.get(key, 0.0) < before:
                raise self._violation(f"{key} fell from {before:g} to {shown.get(key, 0.0):g}")
        self._scraped.counters |= shown

    def _check_door(self) -> None:
        """No window at the vendor's door ever held more than the exporter's share."""
        self.wire.deliver(self.now)
        for account in self.settings.accounts:
            busiest = self.remote.busiest(account.name)["polls"]
            if busiest > account.rate_limit.allowed:
                raise self._violation(f"{busiest} calls of {account.name} in a window of {account.rate_limit.allowed}")

    def _settled(self, engine: Engine) -> bool:
        return all(len(poller.watch.tracker) == 0 for poller in engine.pollers.values()) and len(engine.journal) == 0

    def _check_the_end(self) -> None:
        """Every accepted request has ended once, as the remote says it did."""
        self.remote.advance(self.now)
        records = {record.request_id: record for record in self._stored()}
        for request_id in self.accepted:
            if request_id not in records:
                raise self._violation(f"{request_id} was accepted and is forgotten")
            self._check_fate(records[request_id])
        self._check_counts(records.values())

    def _check_fate(self, record: Record) -> None:
        fate = self.remote.truth[record.request_id]
        if record.state is State.PENDING:
            raise self._violation(f"{record.request_id} is pending for ever: {record}")
        if record.state is State.FINISHED and record.progress.status is not fate.status:
            raise self._violation(f"{record.request_id} is {fate.status}, not {record.progress.status}")
        if record.state is State.FINISHED and fate.finished is not None and record.progress.status is not Status.ERROR:
            self._check_finish(record, fate.finished)

    def _check_finish(self, record: Record, finished: float) -> None:
        """The bounds are what the wall clock showed, however it was set then."""
        lower, upper = record.finished_after or 0.0, record.finished or 0.0
        if record.request_id in self.doubtful:
            return
        offsets = self.machine.offsets
        fits = any(lower - one - 1e-6 <= finished <= upper - one + 1e-6 for one in offsets)
        if not fits:
            raise self._violation(f"{record.request_id} finished at {finished}, not in [{lower}, {upper}]")

    def _check_counts(self, records: Iterable[Record]) -> None:
        ended = [record for record in records if record.state is not State.PENDING]
        finished = sum(record.state is State.FINISHED for record in ended)
        discovered = sum(count for key, count in self._scraped.counters.items() if key[0] == Counter.DISCOVERED)
        if discovered != len(self.durable.records):
            raise self._violation(f"{discovered:g} discovered, and {len(self.durable.records)} requests there are")
        shown = self._scraped.counters
        counted = sum(count for key, count in shown.items() if key[0] == Counter.FINISHED)
        given_up = sum(count for key, count in shown.items() if key[0] == Counter.ABANDONED)
        durations = sum(count for key, count in shown.items() if key[0] == Histogram.DURATION)
        unknown = sum(count for key, count in shown.items() if key[0] == Counter.DURATION_UNKNOWN)
        if (counted, given_up) != (finished, len(ended) - finished) or durations + unknown != counted:
            raise self._violation(
                f"{finished} finished of {len(ended)} ended, but counted are {counted:g} finished, {given_up:g} abandoned, "
                f"{durations:g} durations and {unknown:g} without"
            )

    def _stored(self) -> list[Record]:
        return list(self.durable.records.values())

    def _violation(self, what: str) -> Violation:
        return Violation(f"seed {self.seed}, life {self.lives}: {what}")


def _sum(series: dict[tuple[str, ...], int], labels: tuple[str, str]) -> int:
    return sum(count for key, count in series.items() if key[:2] == labels)
