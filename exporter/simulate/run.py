"""The virtual-time loop: a policy and the budget against a trace. Hours pass in seconds, and a run can be repeated."""

import time
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf, nan
from random import Random

from exporter.core.budget import Budget
from exporter.core.request import Status
from exporter.core.schedule import Policy, Unfinished
from exporter.simulate.trace import Trace

API = "simulated"
# A policy that had nothing although it was due is not asked again within this time.
_PATIENCE = 0.001
_NOTHING: tuple[float, int] = (inf, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the exporter meets. Times are seconds.

    horizon      when the run ends, on the clock of the trace
    latency      between the sending of a call and its answer; the status is taken half-way
    jitter       mean of the random time on top (exponential)
    others       times of other clients' calls on the budget, in order
    error_grace  how long an ERROR may still turn into success
    """

    horizon: float
    latency: float = 0.0
    jitter: float = 0.0
    others: tuple[float, ...] = ()
    error_grace: float = 36_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened. Columns by the place of a request in the trace; nan where it did not happen.

    detected      when the answer came that showed the request finished
    seen          when the last call that showed it unfinished was sent
    placed        when the policy takes it to have finished; nan also where it was not known when it was submitted
    calls         when each call was sent, in order
    """

    detected: "array[float]"
    seen: "array[float]"
    placed: "array[float]"
    calls: "array[float]"
    max_staleness: float
    cpu_seconds: float


def default_horizon(trace: Trace) -> float:
    return max(request.submitted for request in trace) + 3600.0


class Run:
    """One pass of a trace. What happens next is the earliest of: an answer, a discovery, another client's call, a poll."""

    def __init__(self, trace: Trace, policy: Policy, budget: Budget, conditions: Conditions, random: Random) -> None:
        self._trace = trace
        self._policy = policy
        self._budget = budget
        self._conditions = conditions
        self._random = random
        self._detected = array("d", [nan]) * len(trace)
        self._seen = array("d", [nan]) * len(trace)
        self._placed = array("d", [nan]) * len(trace)
        # When a request was polled last, or discovered.
        self._polled = array("d", [nan]) * len(trace)
        self._errored = array("d", [nan]) * len(trace)
        self._calls = array("d")
        self._answers: list[tuple[float, int, float, bool]] = []
        self._staleness = 0.0

    def outcome(self) -> Outcome:
        began = time.process_time()
        self._loop()
        self._count_staleness_to_the_end()
        return Outcome(
            detected=self._detected,
            seen=self._seen,
            placed=self._placed,
            calls=self._calls,
            max_staleness=self._staleness,
            cpu_seconds=time.process_time() - began,
        )

    def _loop(self) -> None:
        """Everything of the same time comes in the order: other clients' calls, discoveries, answers, polls."""
        trace, horizon = self._trace, self._conditions.horizon
        discoveries = sorted((request.known_at, place) for place, request in enumerate(trace))
        discoveries = [one for one in discoveries if one[0] <= horizon]
        discoveries.append(_NOTHING)
        others = [*self._conditions.others, inf]
        known = passed = 0
        now, patience = min(discoveries[0][0], others[0]), -inf
        while True:
            arrival = discoveries[known][0]
            answer = self._answers[0][0] if self._answers else inf
            event = min(arrival, others[passed], answer)
            due = self._due(max(now, patience), event)
            if due < event:
                if due > horizon:
                    return
                now = due
                patience = -inf if self._poll(now) else now + _PATIENCE
                continue
            if event > horizon:
                return
            now = event
            if others[passed] <= event:
                passed += 1
                self._budget.start_other()
                self._budget.end_other(now)
            elif arrival <= event:
                self._discover(discoveries[known][1], now)
                known += 1
            else:
                self._answered(now)
            patience = -inf

    def _due(self, now: float, event: float) -> float:
        """When the next poll may happen, as things stand; inf where the next event comes first.

        The budget forgets what is past: it may not be asked about a time beyond the next event.
        """
        due = self._policy.due()
        if due is None:
            return inf
        due = max(due, now)
        if due >= event:
            return inf
        free = self._budget.free_at(due)
        if due < free < inf:
            self._policy.blocked(free)
        return free

    def _discover(self, place: int, now: float) -> None:
        request = self._trace[place]
        self._polled[place] = now
        unfinished = Unfinished(
            api=API,
            origin=request.origin,
            dated=request.dated,
            order=place if request.ordered else None,
        )
        self._policy.add((place,), (unfinished,), now=now)

    def _poll(self, now: float) -> bool:
        place = self._policy.next(now)
        if place is None:
            return False
        self._budget.start()
        self._calls.append(now)
        conditions = self._conditions
        if conditions.latency or conditions.jitter:
            latency = conditions.latency
            if conditions.jitter:
                latency += self._random.expovariate(1 / conditions.jitter)
            heappush(self._answers, (now + latency, place, now, True))
        else:
            self._budget.end(now)
            self._digest(place, sent=now, asked=now, now=now)
        return True

    def _answered(self, now: float) -> None:
        _, place, sent, _ = heappop(self._answers)
        self._budget.end(now)
        self._digest(place, sent=sent, asked=(sent + now) / 2, now=now)

    def _digest(self, place: int, *, sent: float, asked: float, now: float) -> None:
        """The status as it was at `asked`, on a call sent at `sent` and answered now."""
        staleness = now - self._polled[place]
        if staleness > self._staleness:
            self._staleness = staleness
        self._polled[place] = now
        request, policy = self._trace[place], self._policy
        over = request.finished is not None and asked >= request.finished
        if over and self._detected[place] != self._detected[place]:
            self._detected[place] = now
        erring = request.status is Status.ERROR if over else bool(request.retries) and request.waiting_at(asked)
        if over and not erring:
            self._place(place, now)
            policy.finished(place, now=now)
            self._polled[place] = nan
            return
        if over and not self._may_recover(place, now):
            # The end was long ago, and tells nothing of when to poll.
            policy.forget(place)
            self._polled[place] = nan
            return
        if not erring:
            self._errored[place] = nan
        elif not over:
            self._may_recover(place, now)
        self._seen[place] = sent
        policy.unchanged(place, sent=sent, now=now, erring=erring)

    def _place(self, place: int, now: float) -> None:
        request, seen = self._trace[place], self._seen[place]
        if request.dated:
            lower = request.submitted if seen != seen else max(seen, request.submitted)
            self._placed[place] = self._policy.place(place, lower, now)

    def _may_recover(self, place: int, now: float) -> bool:
        """Whether an ERROR can't be told yet from one that is final."""
        errored = self._errored[place]
        if errored != errored:
            errored = self._errored[place] = now
        return now < errored + self._conditions.error_grace

    def _count_staleness_to_the_end(self) -> None:
        waiting = (self._conditions.horizon - polled for polled in self._polled if polled == polled)
        self._staleness = max(self._staleness, max(waiting, default=0.0))


def other_calls(per_second: float, *, start: float, end: float, random: Random) -> Iterable[float]:
    """Times of other clients' calls: independent of each other, `per_second` on average."""
    now = start
    while per_second > 0:
        now += random.expovariate(per_second)
        if now > end:
            return
        yield now
