"""The queue of one API of one account: first in, first out, at a fixed processing rate, with the vendor's retries.

Nothing happens in it between two calls: `advance` works off, in the order of their time, all events up to now. What
becomes of a request depends on the seed and on the submissions, never on who looked when.
"""

from collections import Counter, deque
from collections.abc import Iterator
from heapq import heappop, heappush
from math import floor, inf
from random import Random
from typing import NamedTuple

from exporter.core.request import Status
from exporter.leadsquared.endpoints import Endpoint
from exporter.simulator.fate import DONE, ERROR, EXHAUSTED, FAILURE, FINAL, OTHER_ERROR, SUCCESS, Fate, Phase
from exporter.simulator.options import Options

# Seconds before each retry after a system error.
RETRY_WAITS = (30.0, 120.0, 420.0, 900.0, 1800.0, 2700.0, 3600.0, 5400.0, 7200.0, 10800.0)

# What LeadSquared's exceptions say, without the lead data that real ones quote; the last has the form of an envelope.
FAILURES = (
    "MXDuplicateEntryException: A Lead with same Phone Number already exists.",
    "MXDuplicateEntryException: A Lead with same Email already exists.",
    "MXUnknownAttributeException: Attribute mx_Does_Not_Exist does not exist",
    "MXInvalidInputException: Invalid SearchBy value provided",
    "MXInvalidActivityFieldsException: Field name : 'mx_Custom_19' of datatype : 'String' is mandatory.",
    "MXInvalidActivityException: Event Code is invalid or empty",
    "MXMandatoryFieldMissingException: A mandatory field is missing",
    '{"Status":"Error","ExceptionType":"MXMandatoryAttributeMissingException",'
    '"ExceptionMessage":"\'leadId\' is mandatory for updating lead"}',
)

RATE_SECONDS = 600.0
_SLICE = 10.0

# The one API that documents `Error` where the others say FAILURE or ERROR.
_SUCCESS_OR_ERROR = "activity_create_custom"


class Figures(NamedTuple):
    """What the metrics API tells of the queue."""

    pending: int
    max_delay: int
    per_minute: float


class Queue:
    """Requests of one account and api. Times handed in never run backwards."""

    def __init__(
        self, *, account: str, endpoint: Endpoint, options: Options, seed: int, service_times: Iterator[float] | None
    ) -> None:
        self.account = account
        self.endpoint = endpoint
        self.options = options
        self.submitted = 0
        self.finished: Counter[Status] = Counter()
        self._random = Random(f"{seed}/{account}/{endpoint.name}")  # noqa: S311  (a repeatable choice, not a secret)
        self._service_times = service_times
        self._waiting: deque[tuple[float, int, Fate]] = deque()
        self._retrying: list[tuple[float, int, Fate]] = []
        self._running: list[tuple[float, int, Fate]] = []
        self._scripted: list[tuple[float, int, Fate]] = []
        self._sequence = 0
        self._clock = -inf
        self._next_start = -inf
        self._next_event = inf
        self._processed: deque[tuple[float, int]] = deque()

    @property
    def pending(self) -> int:
        return self.submitted - self.finished.total()

    def reconfigure(self, options: Options, now: float) -> None:
        self.advance(now)
        self.options = options
        self._next_event = self._upcoming()

    def add(self, fate: Fate) -> None:
        """Take a request; the queue has been advanced to its submission."""
        self.submitted += 1
        if fate.phase is Phase.SCRIPTED:
            self._add_scripted(fate)
        else:
            self._waiting.append((fate.submitted, self._count(), fate))
        self._next_event = self._upcoming()

    def advance(self, now: float) -> None:
        """Let happen what happens up to now."""
        while self._next_event <= now:
            self._step()
            self._next_event = self._upcoming()

    def figures(self, now: float) -> Figures:
        self._forget_processed(now)
        capacity = self._capacity()
        waiting = len(self._waiting) + len(self._retrying) + len(self._running)
        processed = sum(count for _, count in self._processed)
        return Figures(self.pending, int(waiting / capacity) if capacity else 0, processed * 60 / RATE_SECONDS)

    def _count(self) -> int:
        self._sequence += 1
        return self._sequence

    def _add_scripted(self, fate: Fate) -> None:
        last = fate.script[-1]
        if last.status in FINAL:
            heappush(self._scripted, (fate.submitted + last.after, self._count(), fate))

    def _upcoming(self) -> float:
        ending = self._running[0][0] if self._running else inf
        scripted = self._scripted[0][0] if self._scripted else inf
        return min(ending, scripted, self._starting())

    def _starting(self) -> float:
        """When the next attempt begins; inf while no worker is free or nothing waits."""
        if len(self._running) >= self.options.queue_workers or not (self._waiting or self._retrying):
            return inf
        ready = min(self._waiting[0][0] if self._waiting else inf, self._retrying[0][0] if self._retrying else inf)
        return self._unpaused(max(ready, self._next_start, self._clock))

    def _unpaused(self, time: float) -> float:
        every, pause = self.options.queue_pause_every, self.options.queue_pause_for
        if not every or not pause:
            return time
        # Whole periods are counted, not remainders: a start rounded to just before its period must not wait for the next.
        period = floor(time / every)
        return (period + 1) * every if time - period * every >= every - pause else time

    def _step(self) -> None:
        """The earliest event. What ends makes room before something starts at the same time."""
        now = self._next_event
        if self._scripted and self._scripted[0][0] <= now:
            self._end_scripted()
        elif self._running and self._running[0][0] <= now:
            self._end_attempt()
        else:
            self._begin_attempt(now)

    def _begin_attempt(self, now: float) -> None:
        if not self._waiting or (self._retrying and self._retrying[0] < self._waiting[0]):
            _, number, fate = heappop(self._retrying)
        else:
            _, number, fate = self._waiting.popleft()
        fate.phase = Phase.RUNNING
        fate.attempts += 1
        if fate.started is None:
            fate.started = now
        self._clock = now
        if self.options.queue_rate:
            self._next_start = now + 1 / self.options.queue_rate
        heappush(self._running, (now + self._service_time(), number, fate))

    def _service_time(self) -> float:
        if self._service_times is not None:
            given = next(self._service_times, None)
            if given is not None:
                return given
        mean, spread = self.options.queue_service_time, self.options.queue_service_spread
        return mean * (1 - spread + spread * self._random.expovariate(1.0))

    def _end_attempt(self) -> None:
        now, number, fate = heappop(self._running)
        self._clock = now
        self._note_processed(now)
        error, failure = self._random.random(), self._random.random()
        if error < self.options.queue_error:
            self._fail(fate, number, now)
        elif failure < self.options.queue_failure:
            status = OTHER_ERROR if self.endpoint.name == _SUCCESS_OR_ERROR else FAILURE
            self._finish(fate, now, status, self._random.choice(FAILURES))
        else:
            self._finish(fate, now, SUCCESS, DONE.reason)

    def _fail(self, fate: Fate, number: int, now: float) -> None:
        """A system error: repeated after the next wait of the schedule, final after the last."""
        if fate.attempts > len(RETRY_WAITS):
            status = OTHER_ERROR if self.endpoint.name == _SUCCESS_OR_ERROR else ERROR
            self._finish(fate, now, status, EXHAUSTED)
            return
        due = now + RETRY_WAITS[fate.attempts - 1] / self.options.queue_time_scale
        fate.phase = Phase.RETRYING
        fate.waits = (*fate.waits, (now, due))
        heappush(self._retrying, (due, number, fate))

    def _end_scripted(self) -> None:
        now, _, fate = heappop(self._scripted)
        last = fate.script[-1]
        self._note_processed(now)
        fate.started = fate.submitted
        fate.finished, fate.shown_status, fate.reason = now, last.status, last.reason
        self.finished[FINAL[last.status]] += 1

    def _finish(self, fate: Fate, now: float, status: str, reason: str | None) -> None:
        fate.phase = Phase.DONE
        fate.finished, fate.shown_status, fate.reason = now, status, reason
        self.finished[FINAL[status]] += 1

    def _note_processed(self, now: float) -> None:
        self._forget_processed(now)
        start = now - now % _SLICE
        if self._processed and self._processed[-1][0] == start:
            self._processed[-1] = (start, self._processed[-1][1] + 1)
        else:
            self._processed.append((start, 1))

    def _forget_processed(self, now: float) -> None:
        while self._processed and self._processed[0][0] <= now - RATE_SECONDS:
            self._processed.popleft()

    def _capacity(self) -> float:
        """Attempts a second that the queue can make; 0 for no bound."""
        rate, mean = self.options.queue_rate, self.options.queue_service_time
        by_workers = self.options.queue_workers / mean if mean else inf
        capacity = min(rate or inf, by_workers)
        return 0.0 if capacity == inf else capacity
