"""The engine: all accounts, the journal and the intake, without HTTP and without signals.

Clock, transport, store and meters are handed in, so the same engine runs in production and in virtual time.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from random import Random
from typing import Protocol

from exporter.clock import Clock
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Polling, Settings
from exporter.core.ledger import Counter, Ledger, removed
from exporter.core.parts import grouped
from exporter.core.request import Record, State
from exporter.core.schedule import Policy
from exporter.core.shift import record_on
from exporter.engine import build
from exporter.engine.answers import Answers
from exporter.engine.intake import Gate
from exporter.engine.journal import Journal
from exporter.engine.lessons import Lessons
from exporter.engine.owners import Owners, Refused
from exporter.engine.pages import Pages
from exporter.engine.poller import Poller, PollMeter
from exporter.engine.spending import StoredSpending
from exporter.engine.traffic import Traffic
from exporter.engine.turnstile import Turnstile
from exporter.engine.upkeep import LagMeter, Upkeep
from exporter.engine.views import account_view
from exporter.engine.wall import ClockMeter, Wall
from exporter.errors import InvalidEntry, StoreError, StoreUnavailable
from exporter.leadsquared.client import CallMeter, Client
from exporter.leadsquared.transport import Transport
from exporter.log import get_logger
from exporter.metrics.snapshot import AccountView
from exporter.store.store import Contents, Found, Query, Store

# How many requests are read from the store before the event loop gets a turn again.
RESTORE_CHUNK = 1_000
STOP_GRACE_SECONDS = 3.0
LOAD_PATIENCE_SECONDS = 10.0
LOAD_AGAIN_SECONDS = 0.5
# The sweep runs every second; when it has not for so long, the loop is dead or starved.
STALLED_SECONDS = 30.0
REMOVAL_SECONDS = 5.0
SETTLING_SECONDS = 0.05

log = get_logger(__name__)


def _untold(source: str, error: InvalidEntry, count: int) -> None:
    """The log has it."""


class Meter(CallMeter, PollMeter, LagMeter, ClockMeter, Protocol):
    """What the engine counts that need not survive."""


class Engine:
    """Use: `await start()`, then `intake`, `find`, `page`, `remove`, `views`, `apply`; at the end `await stop()`."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        transport: Transport,
        clock: Clock,
        meter: Meter,
        random: Random,
        read_since: Callable[[], Iterable[float]] = tuple,
        refused: Refused = _untold,
    ) -> None:
        self.settings = settings
        self.pollers: dict[str, Poller] = {}
        self.ledger = Ledger(build.bounds(settings))
        self._store = store
        self._clock = clock
        self._meter = meter
        self._random = random
        self._words = build.Words(settings)
        self._answers = self._new_answers()
        self._client = Client(transport=transport, meter=meter, clock=clock, timeout=settings.polling.timeout)
        self._turnstile = Turnstile()
        self._spending = StoredSpending(pollers=self.pollers, clock=clock)
        self.wall = Wall(clock, store=store, meter=meter)
        self.journal = Journal(store, self._spending, dating=self.wall, on_trouble=self._hold)
        self.upkeep = Upkeep(
            pollers=self.pollers,
            store=store,
            settings=lambda: self.settings,
            read_since=read_since,
            lowest=self.wall.lowest,
            meter=meter,
            clock=clock,
        )
        self._pages = Pages(store, wall=self.wall, watched=self._watched)
        self.lessons = Lessons(pollers=self.pollers, store=store)
        self.intake = Gate(
            store=store,
            pollers=self.pollers,
            ledger=self.ledger,
            answers=lambda: self._answers,
            owners=Owners(pollers=self.pollers, answers=lambda: self._answers, refused=refused),
            clock=clock,
            max_pending=settings.storage.max_pending,
            on_numbered=self.wall.note,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load what survived and begin. Raises StoreError."""
        contents = await self._load()
        self._restore_counts(contents)
        self.wall.load(contents.cursors)
        self._spending.load(contents, since=self.wall.since() if self.wall.known else None)
        self.intake.restore(contents.cursors)
        self.lessons.load(contents.cursors)
        for account in self.settings.accounts:
            self._open(account)
        await self._restore_pending(contents.pending)
        await self._end_doubles(contents.doubles)
        self.wall.look()
        await self.wall.save()
        for poller in self.pollers.values():
            poller.watch.restored(self._clock.now())
            self._spending.begin(poller)
        self._spending.begun()
        self._tasks = [
            asyncio.ensure_future(work)
            for work in (
                self.journal.run(),
                self.upkeep.sweep(),
                self.upkeep.prune(),
                self.lessons.run(),
                self.wall.run(self._clock_was_set),
            )
        ]
        self._wake_all()

    async def _load(self) -> Contents:
        """A store that another program locks for a moment, or a disk that is just being mended, is no reason to end."""
        deadline = self._clock.now() + LOAD_PATIENCE_SECONDS
        while True:
            try:
                return await self._store.load()
            except StoreUnavailable as error:
                if self._clock.now() >= deadline:
                    raise
                log.warning("store can't be read; tried again", error=str(error))
            await asyncio.sleep(LOAD_AGAIN_SECONDS)

    async def stop(self) -> None:
        """Let calls under way end, commit, and mark the stop as clean. Raises StoreError when the last commit failed."""
        await asyncio.gather(*(poller.stop(STOP_GRACE_SECONDS) for poller in self.pollers.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.intake.drain()
        await self.journal.drain()
        await self.lessons.save()
        self.wall.look()
        await self.wall.save()
        await self._store.close(self._spending.closing())

    def apply(self, settings: Settings) -> None:
        """Take over a changed configuration; requests, counts and spent calls stay."""
        former, self.settings = self.settings, settings
        replan = _planning(former.polling) != _planning(settings.polling)
        self._client.timeout = settings.polling.timeout
        self.intake.max_pending = settings.storage.max_pending
        self._answers = self._new_answers()
        configured = {account.name for account in settings.accounts}
        for name in set(self.pollers) - configured:
            self.pollers[name].retire()
        for account in settings.accounts:
            self._configure(account, replan=replan)
        self._wake_all()

    async def find(self, request_id: str) -> Found | None:
        """What is known of a request: from memory while it is pending, with the transitions out of the store. Times are what the
        wall clock showed at its end, or as it is set now. Raises StoreError only where memory knows nothing of it."""
        record = self._known(request_id)
        known = None if record is None else record_on(record, self._clock.ahead())
        try:
            found = await self._store.find(request_id, None if known is None else known.sequence)
        except StoreError:
            if known is None:
                raise
            return Found(known, ())
        if found is None or known is None or known.state is not State.PENDING:
            return found
        return replace(found, record=self.wall.dated_intake(found.record, known))

    async def page(self, query: Query) -> list[Record]:
        """Raises StoreError."""
        return await self._pages.page(query)

    async def remove(self, request_id: str) -> bool:
        """Stop watching a request; False when it is not watched. Returns when that is durable.

        Raises StoreError when the store fails now, and StoreUnavailable when it takes too long; then it may still be done.
        """
        try:
            async with asyncio.timeout(REMOVAL_SECONDS):
                return await self._remove(request_id)
        except TimeoutError as error:
            raise StoreUnavailable(f"a removal was not stored within {REMOVAL_SECONDS:g} s") from error

    async def _remove(self, request_id: str) -> bool:
        while True:
            owner = next((p for p in self.pollers.values() if request_id in p.watch.tracker.table), None)
            if owner is None:
                return False
            if self.journal.trouble is not None:
                raise self.journal.trouble
            if await owner.remove(request_id):
                return True
            # Another decision about it is being stored, and it may go on after that.
            await asyncio.sleep(SETTLING_SECONDS)

    def traffic(self, account: str) -> Traffic:
        """What a gateway has to do with an account."""
        return Traffic(
            self.pollers[account],
            answers=lambda: self._answers,
            store=self._store,
            meter=self._meter,
            gate=self.intake,
            clock=self._clock,
            ttl=lambda: self.settings.cache.finished_ttl,
        )

    def views(self) -> list[AccountView]:
        """The gauges of every account, at one moment; of a removed account only while it has pending requests."""
        now, ahead = self._clock.now(), self._clock.ahead()
        shown = [one for one in self.pollers.values() if not one.retired or len(one.watch.tracker)]
        return [account_view(one.watch, None if one.retired else one.account, now, ahead=ahead) for one in shown]

    def unhealthy(self) -> str | None:
        """Why the poll loop makes no progress; None when it does, or has a reason not to that a restart would not mend."""
        for poller in self.pollers.values():
            if poller.broken is not None:
                return f"polling of account {poller.account.name} has a defect: {type(poller.broken).__name__}"
        if any(task.done() for task in self._tasks):
            return "a background task of the poll loop has ended"
        silent = self._clock.now() - self.upkeep.swept
        return f"the poll loop has been silent for {silent:.0f} s" if silent > STALLED_SECONDS else None

    def _open(self, account: Account) -> Poller:
        watch = build.new_watch(
            account,
            self.settings,
            shared=build.is_shared(account, self.settings) or self._spending.tells_of_others(account.name),
            ledger=self.ledger,
            words=self._words,
            random=self._random,
            now=self._clock.now(),
        )
        watch.policy.restore(self.lessons.recall(account.name))
        watch.held = self.journal.trouble is not None
        poller = self.pollers[account.name] = Poller(
            account=account,
            watch=watch,
            client=self._client,
            journal=self.journal,
            answers=lambda: self._answers,
            meter=self._meter,
            clock=self._clock,
            turnstile=self._turnstile,
        )
        return poller

    def _open_unconfigured(self, name: str) -> Poller:
        """Requests of an account that is no longer configured are kept and shown, and wait for its return."""
        log.warning("requests of an account that is not configured are kept and not polled", account=name)
        poller = self._open(Account(name=name, base_url="", api_key=InlineSecret("")))
        poller.retire()
        return poller

    def _configure(self, account: Account, *, replan: bool) -> None:
        now = self._clock.now()
        poller = self.pollers.get(account.name)
        if poller is None:
            self._spending.begin(self._open(account))
            return
        watch = poller.watch
        if poller.retired:
            watch.forget_queue()
        poller.account, poller.retired = account, False
        watch.tracker.change_rules(build.rules(self.settings))
        # The day's limit knows nothing of a gateway that is gone: what passed through it today still counts.
        shared = build.is_shared(account, self.settings) or watch.budget.knows_of_others(now)
        watch.budget.resize(build.limits(account.rate_limit, shared=shared), now)
        self._spending.recall(poller)
        watch.breaker.period = account.rate_limit.period
        watch.reconfigure(
            policy=self._new_policy(account, now) if replan else None,
            apis=frozenset(account.apis),
            queue_apis=build.queue_apis(account),
            queue_interval=self.settings.queue_metrics_interval,
            now=now,
        )

    def _restore_counts(self, contents: Contents) -> None:
        for (counter, labels), count in contents.counters.items():
            self.ledger.counters[counter][labels] = count
            if counter is Counter.ERRORS:
                self._words.reasons.label(labels[3])
            elif counter is Counter.FINISHED:
                self._words.steps.label(labels[3])
        for (histogram, labels, bound), count in contents.buckets.items():
            self.ledger.restore_bucket(histogram, labels, bound=bound, count=count)
        for (histogram, labels), total in contents.totals.items():
            self.ledger.restore_total(histogram, labels, total)

    async def _restore_pending(self, pending: Iterable[Record]) -> None:
        rest = iter(pending)
        while chunk := list(islice(rest, RESTORE_CHUNK)):
            for name, records in grouped(chunk, lambda record: record.account).items():
                poller = self.pollers.get(name) or self._open_unconfigured(name)
                poller.watch.restore([self.wall.restored(record) for record in records])
            await asyncio.sleep(0)

    async def _end_doubles(self, doubles: Sequence[Record]) -> None:
        """Earlier versions could take in a RequestID twice when two callers handed it in at once. The second row was counted as
        discovered, and no poll ever asked for it."""
        if doubles:
            await self._store.end_doubles(doubles)
            self.ledger.count(removed(doubles))
            log.warning("requests that were taken in twice are counted as abandoned, cause removed", count=len(doubles))

    def _clock_was_set(self, step: float) -> None:
        self._spending.renew()
        self.journal.wake()
        if step < 0:
            self._grow_younger(-step)

    def _grow_younger(self, seconds: float) -> None:
        """The wall clock was fast by so much: what another one had told seemed too old."""
        for poller in self.pollers.values():
            now = self._clock.now()
            if poller.watch.tracker.grow_younger(seconds, earlier=not self.wall.known):
                poller.watch.replan(self._new_policy(poller.account, now), now)
                poller.wake()

    def _hold(self, held: bool) -> None:
        for poller in self.pollers.values():
            poller.watch.held = held
        self._wake_all()

    def _wake_all(self) -> None:
        for poller in self.pollers.values():
            poller.wake()

    def _new_policy(self, account: Account, now: float) -> Policy:
        return build.new_policy(account, self.settings, random=self._random, now=now)

    def _new_answers(self) -> Answers:
        cache = self.settings.cache
        return Answers(size=cache.max_entries, ttl=cache.finished_ttl, timer=self._clock.now)

    def _known(self, request_id: str) -> Record | None:
        return self._watched(request_id) or self._answers.get(request_id)

    def _watched(self, request_id: str) -> Record | None:
        for poller in self.pollers.values():
            slot = poller.watch.tracker.table.slot(request_id)
            if slot is not None:
                return poller.watch.tracker.table.record(slot)
        return None


def _planning(polling: Polling) -> tuple[str, str, float]:
    """The settings whose change asks for a new policy."""
    return polling.policy, polling.effort, polling.max_staleness
