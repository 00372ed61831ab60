"""What to do next for one account: the place where schedule, budget, breaker and tracker meet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import NamedTuple

from exporter.core.breaker import Breaker
from exporter.core.budget import LOST_CALL_SECONDS, Budget
from exporter.core.change import Change
from exporter.core.parts import parts
from exporter.core.request import Record, Report, State, Status, Submission
from exporter.core.schedule import Policy
from exporter.core.tracker import Tracker
from exporter.errors import (
    BadRequest,
    CallError,
    CallTimeout,
    ConnectionFailed,
    Forbidden,
    InvalidResponse,
    NotFound,
    RateLimited,
    Unauthorized,
)

# The pause of a single request whose answers can't be used: 2 s, 4 s, 8 s … 10 min.
TROUBLE_FIRST = 2.0
TROUBLE_LAST = 600.0
QUEUE_METRICS_LONGEST = 3600.0
# An enumeration takes longer to look a member up than to compare it.
_ERROR = Status.ERROR


class StatusCall(NamedTuple):
    """Ask about the request in `slot`. The budget is taken already."""

    slot: int
    request_id: str
    api: str
    sent: float


class QueueCall(NamedTuple):
    """Ask for the queue metrics of an API. The budget is taken already."""

    api: str
    sent: float


Call = StatusCall | QueueCall


class Reason(StrEnum):
    """Why there is nothing to do now."""

    IDLE = "idle"
    BUDGET = "budget"
    TROUBLE = "trouble"
    HELD = "held"


class Rest(NamedTuple):
    """Nothing before `until`; inf: not before something else happens (an answer, an intake, a stored reservation)."""

    until: float
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """The vendor's figures about one API's queue; None where an answer had no such number."""

    pending: float | None
    max_delay: float | None
    per_second: float | None


class Watch:
    """One account. `apis` are the APIs that may be polled; `queue_apis` those of them that have queue metrics."""

    def __init__(
        self,
        *,
        tracker: Tracker,
        policy: Policy,
        budget: Budget,
        breaker: Breaker,
        apis: frozenset[str],
        queue_apis: tuple[str, ...],
        queue_interval: float,
    ) -> None:
        self.tracker = tracker
        self.policy = policy
        self.budget = budget
        self.breaker = breaker
        self.held = False
        self.last_success: float | None = None
        self.waited = 0.0
        self.queue: dict[str, QueueFigures | None] = dict.fromkeys(queue_apis)
        self._apis = apis
        self._queue_interval = queue_interval
        self._queue_due: dict[str, float] = dict.fromkeys(queue_apis, 0.0)
        # The first of them; looked at before each call.
        self._queue_next = min(self._queue_due.values(), default=inf)
        self._queue_pause: dict[str, float] = dict.fromkeys(queue_apis, queue_interval)
        self._under_way = 0
        self._waiting_since: float | None = None
        self._troubles: dict[int, int] = {}
        # By RequestID: a slot may have gone to another request before the answer comes.
        self._asked: set[str] = set()
        self._overheard: set[int] = set()
        self._orders: dict[str, int] = {}
        # Requests that were out when the policy was changed: the new one gets them with their answers.
        self._latecomers: set[int] = set()

    @property
    def account(self) -> str:
        return self.tracker.account

    def next(self, now: float) -> Call | Rest:
        """The call to make now, its budget taken; or how long to rest."""
        todo = self._next(now)
        if self._waiting_since is not None or type(todo) is Rest:
            self._count_wait(now, waiting=isinstance(todo, Rest) and todo.reason is Reason.BUDGET)
        return todo

    def _next(self, now: float) -> Call | Rest:
        breaker, budget, policy = self.breaker, self.budget, self.policy
        at_once = breaker.at_once()
        rest = self._blocked(now, at_once)
        if rest is not None:
            return rest
        due = self._due()
        if due > now:
            return Rest(due, self._why_idle(due, now))
        budget.pace = breaker.pace(now)
        policy.pace(budget.rate)
        free = budget.free_at(now)
        if free > now:
            policy.blocked(free)
            return Rest(free, Reason.BUDGET)
        if at_once is None:
            return self._queue_call(now) or self._status_call(now) or Rest(self._due(), Reason.IDLE)
        # A probe asks for a status if it can: the metrics path may not exist, and its 403 would tell nothing of the key.
        return self._status_call(now) or self._queue_call(now) or Rest(self._due(), Reason.IDLE)

    def admit(self, submissions: Sequence[Submission], sequences: Sequence[int], now: float) -> None:
        """Watch requests whose intake is durable."""
        self._schedule(self.tracker.admit(submissions, sequences), now)

    def restore(self, records: Sequence[Record]) -> None:
        """Take over unfinished requests out of the store. `restored` has to follow the last ones."""
        self.tracker.restore(records)

    def restored(self, now: float) -> None:
        self.tracker.restored()
        self.tracker.look(now)
        for part in parts(list(self.tracker.table)):
            self._schedule(part, now)

    def replan(self, policy: Policy, now: float) -> None:
        """Take over another policy. It gets every request that is not being asked about or settling now; those come to it with
        their answers."""
        policy.restore(self.policy.state())
        self.policy = policy
        self._latecomers.clear()
        self._schedule_when_free(list(self.tracker.table), now)

    def reconfigure(
        self,
        *,
        policy: Policy | None,
        apis: frozenset[str],
        queue_apis: tuple[str, ...],
        queue_interval: float,
        now: float,
    ) -> None:
        """Take over changed settings. A new policy gets every request that is not being asked about or settling now;
        those come to it with their answers."""
        former, self._apis = self._apis, apis
        if policy is not None:
            self.replan(policy, now)
        elif apis != former:
            self._change_apis(former, now)
        # The limits may have changed too: what the former ones made the policy wait for may be over.
        self.policy.pace(self.budget.rate)
        self.policy.blocked(now)
        self._queue_interval = queue_interval
        self._queue_due = {api: self._queue_due.get(api, now) for api in queue_apis}
        self._queue_next = min(self._queue_due.values(), default=inf)
        self._queue_pause = dict.fromkeys(queue_apis, queue_interval)
        self.queue = {api: self.queue.get(api) for api in queue_apis}

    def confirmed(self, call: StatusCall, report: Report, *, now: float) -> bool:
        """A status answer that shows nothing new is taken over at once; False, and nothing done, where it is for `answered`."""
        slot = call.slot
        if not self._current(call) or not self.tracker.confirm(slot, report, sent=call.sent, received=now):
            return False
        self._succeeded(call, now)
        if call.api in self._apis:
            if slot in self._latecomers:
                self._schedule((slot,), now)
            self.policy.unchanged(slot, sent=call.sent, now=now, erring=report.status is _ERROR)
        return True

    def answered(self, call: StatusCall, report: Report, *, now: float) -> Change | None:
        """A status answer. The change is to be settled and applied; None when the request is no longer watched."""
        self._succeeded(call, now)
        if not self._current(call):
            return None
        change = self.tracker.answer(call.slot, report, sent=call.sent, received=now, place=self._place(call.slot))
        self._teach(call, change.record, now)
        return change

    def heard(self, request_id: str, api: str, report: Report, *, sent: float, now: float) -> Change | None:
        """Somebody else's question about a request was answered, which saves a poll; None where that does not fit now.
        The change is to be settled and applied."""
        slot = self.tracker.table.slot(request_id)
        if (
            slot is None
            or request_id in self._asked
            or self.tracker.settling(slot)
            or self.tracker.table.api(slot) != api
        ):
            return None
        change = self.tracker.answer(slot, report, sent=sent, received=now, place=self._place(slot))
        self.policy.forget(slot)
        self._troubles.pop(slot, None)
        self._overheard.add(slot)
        return change

    def failed(self, call: Call, error: CallError, *, now: float) -> Change | None:
        """A call that brought no usable answer. A change comes of it only where the vendor does not know the RequestID."""
        # Where nobody knows what became of a call, it may still be on its way to the vendor's door.
        lost = isinstance(error, CallTimeout) or (isinstance(error, ConnectionFailed) and error.sent)
        self._over(call, now + LOST_CALL_SECONDS if lost else now)
        if isinstance(call, QueueCall):
            self._queue_failed(call, error, now)
            return None
        if isinstance(error, NotFound):
            self.breaker.succeeded(sent=call.sent)
            return self.tracker.not_found(call.slot, received=now) if self._current(call) else None
        self.breaker.failed(error, sent=call.sent, now=now)
        self._reschedule_failed(call, error, now)
        return None

    def queue_answered(self, call: QueueCall, figures: QueueFigures, *, now: float) -> None:
        self._over(call, now)
        self.breaker.succeeded(sent=call.sent)
        self.last_success = now
        if call.api in self._queue_due:
            self.queue[call.api] = figures
            if figures.per_second is not None:
                self.policy.queue_speed(call.api, figures.per_second, now=now)
            self._queue_pause[call.api] = self._queue_interval
            self._set_queue_due(call.api, now + self._queue_interval)

    def forget_queue(self) -> None:
        """What was last heard of the queues is too old to be shown."""
        self.queue = dict.fromkeys(self.queue)

    def cancelled(self, call: Call, *, now: float) -> None:
        """A call was given up by us; whether it was sent nobody knows."""
        self._over(call, now + LOST_CALL_SECONDS)

    def applied(self, change: Change, *, now: float) -> None:
        """A change is durable: take it over, and plan the next poll of a request that goes on."""
        slot = self.tracker.table.slot(change.record.request_id)
        overheard = slot is not None and slot in self._overheard
        if slot is not None:
            self._overheard.discard(slot)
        still = self.tracker.apply(change)
        if still is None:
            if slot is not None:
                self.policy.forget(slot)
                self._troubles.pop(slot, None)
        elif overheard:
            self._schedule((still,), now, ordered=False)
        elif change.record.api in self._apis:
            pause = TROUBLE_FIRST * 2.0 ** min(change.record.not_found, 9) if change.record.not_found else 0.0
            self._again(still, now, min(pause, TROUBLE_LAST))

    def remove(self, request_id: str, *, now: float) -> Change | None:
        """Stop watching; None when it is not watched or a decision about it is settling."""
        slot = self.tracker.table.slot(request_id)
        if slot is None or self.tracker.settling(slot):
            return None
        self.policy.forget(slot)
        return self.tracker.remove(slot, now=now)

    def expire(self, now: float) -> list[Change]:
        """Give up what is overdue, and find who became stuck."""
        self.tracker.look(now)
        changes = self.tracker.expire(now, heard=self.last_success)
        for change in changes:
            slot = self.tracker.table.slot(change.record.request_id)
            if slot is not None:
                self.policy.forget(slot)
        return changes

    def _blocked(self, now: float, at_once: int | None) -> Rest | None:
        if self.held:
            return Rest(inf, Reason.HELD)
        opens_at = self.breaker.opens_at()
        if opens_at > now:
            return Rest(opens_at, Reason.TROUBLE)
        if at_once is not None and self._under_way >= at_once:
            return Rest(inf, Reason.TROUBLE)
        return None

    def _due(self) -> float:
        polls = self.policy.due()
        return self._queue_next if polls is None or polls > self._queue_next else polls

    def _why_idle(self, due: float, now: float) -> Reason:
        """A policy that was told until when the budget blocks says that time itself: the wait is still for the budget."""
        waiting = self._waiting_since is not None and self.budget.free_at(now) >= due
        return Reason.BUDGET if waiting and due < inf else Reason.IDLE

    def _set_queue_due(self, api: str, due: float) -> None:
        self._queue_due[api] = due
        self._queue_next = min(self._queue_due.values())

    def _queue_call(self, now: float) -> QueueCall | None:
        if self._queue_next > now:
            return None
        for api, due in self._queue_due.items():
            if due <= now:
                # Not again until its answer; the answer sets the next time.
                self._set_queue_due(api, inf)
                self._start()
                return QueueCall(api, now)
        return None

    def _status_call(self, now: float) -> StatusCall | None:
        slot = self.policy.next(now)
        if slot is None:
            return None
        self._start()
        request_id = self.tracker.table.request_id(slot) or ""
        self._asked.add(request_id)
        return StatusCall(slot, request_id, self.tracker.table.api(slot), now)

    def _start(self) -> None:
        self.budget.start()
        self._under_way += 1

    def _count_wait(self, now: float, *, waiting: bool) -> None:
        """As it goes on: a day's limit that is used up would otherwise show hours later, or never."""
        if self._waiting_since is not None:
            self.waited += now - self._waiting_since
        self._waiting_since = now if waiting else None

    def _succeeded(self, call: StatusCall, now: float) -> None:
        self._over(call, now)
        self.breaker.succeeded(sent=call.sent)
        self.last_success = now
        self._troubles.pop(call.slot, None)

    def _over(self, call: Call, at: float) -> None:
        self.budget.end(at)
        self._under_way -= 1
        if isinstance(call, StatusCall):
            self._asked.discard(call.request_id)

    def _current(self, call: StatusCall) -> bool:
        """Whether the slot still holds the request that was asked about, and nothing was decided about it meanwhile."""
        return self.tracker.table.request_id(call.slot) == call.request_id and not self.tracker.settling(call.slot)

    def _change_apis(self, former: frozenset[str], now: float) -> None:
        for api, slots in self.tracker.table.by_api(list(self.tracker.table)).items():
            if api in former and api not in self._apis:
                for slot in slots:
                    self.policy.forget(slot)
            elif api in self._apis and api not in former:
                self._schedule_when_free(slots, now)

    def _schedule_when_free(self, slots: Sequence[int], now: float) -> None:
        """At once, or with its answer where one is awaited."""
        table, tracker = self.tracker.table, self.tracker
        busy = {slot for slot in slots if table.request_id(slot) in self._asked or tracker.settling(slot)}
        self._latecomers |= busy
        for part in parts([slot for slot in slots if slot not in busy]):
            self._schedule(part, now)

    def _again(self, slot: int, now: float, pause: float) -> None:
        if slot in self._latecomers:
            self._schedule((slot,), now)
        self.policy.again(slot, now=now, not_before=now + pause if pause else 0.0)

    def _schedule(self, slots: Sequence[int], now: float, *, ordered: bool = True) -> None:
        self._latecomers.difference_update(slots)
        table = self.tracker.table
        for api, members in table.by_api(slots).items():
            if api in self._apis:
                # Numbers of their own, because those of the store have gaps that other accounts leave.
                first = self._orders.get(api, 0)
                self._orders[api] = first + len(members) if ordered else first
                self.policy.add(members, table.outlook(api, members, first if ordered else None), now=now)

    def _place(self, slot: int) -> Callable[[float, float], float]:
        return lambda lower, upper: self.policy.place(slot, lower, upper)

    def _teach(self, call: StatusCall, seen: Record, now: float) -> None:
        """The policy learns from an answer at once: what it learns need not be durable."""
        if seen.state is State.PENDING:
            self.policy.unfinished(call.slot, sent=call.sent, now=now, erring=seen.progress.status is Status.ERROR)
        elif seen.errored is None:
            self.policy.finished(call.slot, now=now)
        else:
            # The end was when the ERROR was first seen, and tells nothing of when to poll.
            self.policy.forget(call.slot)

    def _reschedule_failed(self, call: StatusCall, error: CallError, now: float) -> None:
        if not self._current(call):
            return
        pause = 0.0
        if not isinstance(error, RateLimited | Unauthorized | Forbidden | CallTimeout | ConnectionFailed):
            # One request whose answer is always unusable must not hold up the others.
            count = self._troubles[call.slot] = self._troubles.get(call.slot, 0) + 1
            pause = min(TROUBLE_LAST, TROUBLE_FIRST * 2.0 ** min(count - 1, 9))
        self._again(call.slot, now, pause)

    def _queue_failed(self, call: QueueCall, error: CallError, now: float) -> None:
        """A metrics path that does not exist answers 401, 403 or 404 while the key is fine: only its own interval grows then.
        A path that has answered before does exist, so that a refusal is about the key."""
        refused = isinstance(error, Unauthorized | Forbidden)
        missing = self.breaker.up is True and self.queue.get(call.api) is None
        path_only = isinstance(error, NotFound) or (refused and missing)
        if call.api in self._queue_due:
            self.queue[call.api] = None
            if path_only or isinstance(error, BadRequest | InvalidResponse):
                self._queue_pause[call.api] = min(QUEUE_METRICS_LONGEST, 2 * self._queue_pause[call.api])
            self._set_queue_due(call.api, now + self._queue_pause[call.api])
        if not path_only:
            self.breaker.failed(error, sent=call.sent, now=now)
