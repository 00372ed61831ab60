"""Does for one account what its watch decides."""

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Protocol

from exporter.clock import Clock
from exporter.config.settings import Account, Api
from exporter.core.change import Change
from exporter.core.request import Outcome, Report, State
from exporter.core.watch import Call, QueueCall, Rest, StatusCall, Watch
from exporter.engine.answers import Answers
from exporter.engine.diary import Diary
from exporter.engine.errand import Errand
from exporter.engine.journal import Journal
from exporter.engine.turnstile import Turnstile
from exporter.errors import CallError
from exporter.leadsquared.client import Client
from exporter.log import get_logger

# At a stop the calls under way are looked at so often.
LOOK_SECONDS = 0.01

log = get_logger(__name__)


class PollMeter(Protocol):
    """Where polls and waits are counted."""

    def poll(self, account: str, api: str, outcome: str) -> None: ...

    def waited(self, account: str, seconds: float) -> None: ...


class Poller:
    """The thin loop around a Watch: it makes the calls, hands in the answers, and sees to it that changes become durable.

    A defect in it is kept in `broken` for the health check; the other accounts go on.
    """

    def __init__(
        self,
        *,
        account: Account,
        watch: Watch,
        client: Client,
        journal: Journal,
        answers: Callable[[], Answers],
        meter: PollMeter,
        clock: Clock,
        turnstile: Turnstile,
    ) -> None:
        self.account = account
        self.watch = watch
        self.retired = False
        self.broken: BaseException | None = None
        self._client = client
        self._journal = journal
        self._answers = answers
        self._meter = meter
        self._clock = clock
        self._turnstile = turnstile
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._errands: set[Errand] = set()
        self._waited = 0.0
        self._diary = Diary(account.name)

    def wake(self) -> None:
        """Something happened that may have given work."""
        if not self.retired:
            self._turnstile.enter(self)

    def step(self) -> bool:
        """Start one call, or set the alarm for the next; whether a call was started."""
        if self.retired:
            return False
        now = self._clock.now()
        todo = self.watch.next(now)
        self._count_wait()
        if self.watch.budget.wants_reservation():
            self._journal.wake()
        if isinstance(todo, Rest):
            self._diary.rests(todo, self.watch, now)
            self._rest(todo, now)
            return False
        self._diary.asks(todo, self.watch)
        # The API as it is now: before the call begins, a reload may take it away.
        api = self.account.apis[todo.api]
        self._start(self._queue_metrics(todo, api) if isinstance(todo, QueueCall) else self._status(todo, api))
        return True

    def heard(self, request_id: str, api: str, report: Report, *, sent: float) -> None:
        """Somebody else was told the status of a request. It is no poll of ours, and not counted as one."""
        change = self.watch.heard(request_id, api, report, sent=sent, now=self._clock.now())
        if change is not None:
            self._take(change)

    def expire(self) -> None:
        """Give up what is overdue."""
        for change in self.watch.expire(self._clock.now()):
            self._diary.decided(change)
            self._enter(change)

    async def remove(self, request_id: str) -> bool:
        """Stop watching a request, durably; False when it is not watched or a decision about it is on its way."""
        change = self.watch.remove(request_id, now=self._clock.now())
        if change is None:
            return False
        self._diary.decided(change)
        removed = asyncio.get_running_loop().create_future()
        self.watch.tracker.settle(change)

        def durable(change: Change) -> None:
            self._durable(change)
            if not removed.done():
                removed.set_result(None)

        self._journal.enter(change, durable)
        await removed
        return True

    def retire(self) -> None:
        """Make no more calls; calls under way end."""
        self.retired = True
        if self._timer is not None:
            self._timer.cancel()

    async def stop(self, grace: float) -> None:
        """Retire; wait `grace` seconds for the calls under way, then give them up."""
        self.retire()
        until = self._loop.time() + grace
        while self._errands and self._loop.time() < until:  # noqa: ASYNC110  (they end by themselves)
            await asyncio.sleep(min(LOOK_SECONDS, grace))
        for errand in list(self._errands):
            errand.cancel()
        while self._errands:  # noqa: ASYNC110  (a turn or two of the event loop)
            await asyncio.sleep(0)

    async def _status(self, call: StatusCall, api: Api) -> None:
        try:
            report = await self._client.status(self.account, api, call.request_id)
        except CallError as error:
            change = self.watch.failed(call, error, now=self._clock.now())
            self._tell(call, error)
            if change is None:
                self._meter.poll(self.account.name, call.api, Outcome.FAILED)
        except asyncio.CancelledError:
            self.watch.cancelled(call, now=self._clock.now())
            raise
        else:
            change = self._answer(call, report)
        if change is not None:
            self._digest(change)
        self.wake()

    def _answer(self, call: StatusCall, report: Report) -> Change | None:
        now = self._clock.now()
        self._diary.answered(call, report, now)
        if not self.watch.confirmed(call, report, now=now):
            return self.watch.answered(call, report, now=now)
        self._meter.poll(self.account.name, call.api, Outcome.UNCHANGED)
        self._journal.note(call.request_id, self.watch.tracker.noted)
        return None

    async def _queue_metrics(self, call: QueueCall, api: Api) -> None:
        try:
            figures = await self._client.queue_metrics(self.account, api)
        except CallError as error:
            self.watch.failed(call, error, now=self._clock.now())
            self._tell(call, error)
        except asyncio.CancelledError:
            self.watch.cancelled(call, now=self._clock.now())
            raise
        else:
            self.watch.queue_answered(call, figures, now=self._clock.now())
        self.wake()

    def _tell(self, call: Call, error: CallError) -> None:
        """One of many is shown; which request or API it was about helps to look for the reason."""
        about = {"request_id": call.request_id} if isinstance(call, StatusCall) else {"queue_metrics": call.api}
        log.warning("call failed", account=self.account.name, kind=error.kind, error=str(error), **about)
        self._diary.failed(call, error, self.watch, self._clock.now())

    def _digest(self, change: Change) -> None:
        record = change.record
        if change.outcome is not None:
            self._meter.poll(self.account.name, record.api, change.outcome)
        self._take(change)

    def _take(self, change: Change) -> None:
        record = change.record
        self._diary.decided(change)
        if change.transition is None and not change.tallies and record.state is State.PENDING:
            self.watch.applied(change, now=self._clock.now())
            self._journal.note(record.request_id, self.watch.tracker.noted)
        else:
            self._enter(change)

    def _enter(self, change: Change) -> None:
        self.watch.tracker.settle(change)
        self._journal.enter(change, self._durable)

    def _durable(self, change: Change) -> None:
        self.watch.applied(change, now=self._clock.now())
        if change.record.state is not State.PENDING:
            self._answers().keep(change.record)
        self.wake()

    def _rest(self, rest: Rest, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if rest.until < inf:
            self._timer = self._loop.call_later(max(0.0, rest.until - now), self.wake)

    def _count_wait(self) -> None:
        if self.watch.waited > self._waited:
            self._meter.waited(self.account.name, self.watch.waited - self._waited)
            self._waited = self.watch.waited

    def _start(self, work: Coroutine[object, object, None]) -> None:
        errand = Errand(work, self._over, self._loop)
        self._errands.add(errand)
        errand.run()

    def _over(self, errand: Errand, defect: BaseException | None) -> None:
        self._errands.discard(errand)
        if defect is not None and not isinstance(defect, asyncio.CancelledError):
            self.broken = defect
            log.error("defect in polling", account=self.account.name, error=repr(defect))
