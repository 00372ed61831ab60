"""The calls of an application to one account: they occupy its budget, and what they show is taken in."""

import asyncio
from collections.abc import Callable

from exporter.clock import Clock
from exporter.config.settings import Account
from exporter.core.budget import LOST_CALL_SECONDS
from exporter.core.request import Record, Report, State
from exporter.core.shift import record_on
from exporter.engine.answers import Answers
from exporter.engine.intake import Gate
from exporter.engine.poller import Poller
from exporter.errors import CallError, RateLimited, StoreError
from exporter.leadsquared.client import CallMeter
from exporter.sources.source import Entry
from exporter.store.store import Store

GATEWAY = "gateway"

# Where only an answer can make room, it is looked for so often.
LOOK_SECONDS = 0.02


class Traffic:
    """One account as the gateway sees it. Every `begin` is followed by one `end`."""

    def __init__(
        self,
        poller: Poller,
        *,
        answers: Callable[[], Answers],
        store: Store,
        meter: CallMeter,
        gate: Gate,
        clock: Clock,
        ttl: Callable[[], float],
    ) -> None:
        self._poller = poller
        self._answers = answers
        self._store = store
        self._meter = meter
        self._gate = gate
        self._clock = clock
        self._ttl = ttl
        self._queue = asyncio.Lock()

    @property
    def account(self) -> Account:
        return self._poller.account

    def now(self) -> float:
        return self._clock.now()

    def wall(self, time: float) -> float:
        """What the wall clock showed at this time."""
        return time + self._clock.ahead()

    def begin(self) -> float:
        """A call is about to be sent; the time."""
        self._poller.watch.budget.start_other()
        return self._clock.now()

    async def begin_in_turn(self, max_wait: float) -> float:
        """The same, in the order of coming and when the account's window has room for it, or after `max_wait` seconds."""
        budget = self._poller.watch.budget
        try:
            async with asyncio.timeout(max_wait), self._queue:
                with budget.other_waiting():
                    while (free := budget.other_free_at(now := self._clock.now())) > now:  # noqa: ASYNC110  (time makes room)
                        await asyncio.sleep(min(free - now, LOOK_SECONDS))
                return self.begin()
        except TimeoutError:
            return self.begin()

    def end(self, *, lost: bool) -> None:
        """It was answered, or will never arrive any more; `lost`: nobody knows."""
        self._poller.watch.budget.end_other(self._clock.now() + (LOST_CALL_SECONDS if lost else 0.0))

    def count(self, code: int | str, seconds: float) -> None:
        self._meter.call(self.account.name, GATEWAY, code, seconds)

    def failed(self, error: CallError, *, sent: float) -> None:
        """An answer was none, or told of an error. A 429 is about all who call the account, so that polling pauses too."""
        self._meter.call_error(self.account.name, GATEWAY, error.kind)
        if isinstance(error, RateLimited):
            self._poller.watch.breaker.failed(error, sent=sent, now=self._clock.now())

    def succeeded(self) -> None:
        self._poller.watch.last_success = self._clock.now()

    def heard(self, request_id: str, api: str, report: Report, *, sent: float) -> None:
        """The application was told the status of a request."""
        self._poller.heard(request_id, api, report, sent=sent)

    async def take_in(self, source: str, entry: Entry) -> bool:
        """False where a request of the RequestID had ended before this one was submitted. Raises IntakeError or StoreError."""
        accepted = await self._gate.accept(source, (entry,))
        return accepted.accepted > 0 or not await self._had_ended(entry)

    async def last_answer(self, request_id: str) -> Record | None:
        """A request of this account as its last answer showed it: pending, or finished not longer ago than it is kept."""
        record = self._in_memory(request_id) or await self._stored(request_id)
        if record is None or record.account != self.account.name or record.answered is None:
            return None
        if record.state is State.PENDING:
            return record
        fresh = self._clock.now() - record.answered <= self._ttl()
        return record if record.state is State.FINISHED and fresh else None

    async def _had_ended(self, entry: Entry) -> bool:
        record = self._in_memory(entry.request_id) or await self._stored(entry.request_id)
        if record is None or record.finished is None or entry.submitted is None:
            return False
        return self.wall(record.finished) < entry.submitted

    def _in_memory(self, request_id: str) -> Record | None:
        table = self._poller.watch.tracker.table
        slot = table.slot(request_id)
        return self._answers().get(request_id) if slot is None else table.record(slot)

    async def _stored(self, request_id: str) -> Record | None:
        """What ended before the last restart."""
        try:
            found = await self._store.find(request_id)
        except StoreError:
            return None
        return None if found is None else record_on(found.record, -self._clock.ahead())
