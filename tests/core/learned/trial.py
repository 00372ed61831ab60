"""A remote side in virtual time: requests that come and finish, and a policy that asks about them one call at a time."""

from dataclasses import dataclass, field
from math import inf
from statistics import fmean

from exporter.core.schedule import Policy, Unfinished

START = 1.7e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request; its times are seconds since the start."""

    submitted: float
    finishes: float
    order: int | None = None
    api: str = "lead_update"
    dated: bool = True


@dataclass(slots=True)
class Trial:
    """What became of the jobs: their slots are their numbers. All times are seconds since the start."""

    policy: Policy
    jobs: list[Job]
    polls: list[tuple[float, int]] = field(default_factory=list)
    found: dict[int, float] = field(default_factory=dict)
    now: float = 0.0
    _arrived: int = 0

    def run(self, until: float) -> "Trial":
        """Go on for some time; each call is answered at once."""
        while (moment := self._moment()) <= until:
            self.now = max(self.now, moment)
            self._arrive()
            slot = self.policy.next(START + self.now)
            if slot is not None:
                self._ask(slot)
        self.now = until
        return self

    def delays(self, *, after: float = 0.0) -> list[float]:
        """From the finish to its detection, of those submitted after a time."""
        return [at - self.jobs[slot].finishes for slot, at in self.found.items() if self.jobs[slot].submitted >= after]

    def delay(self, *, after: float = 0.0) -> float:
        """The mean one."""
        return fmean(self.delays(after=after))

    def _moment(self) -> float:
        due = self.policy.due()
        arrival = self.jobs[self._arrived].submitted if self._arrived < len(self.jobs) else inf
        # A policy that is due and has nothing after all must not be asked for ever at one moment.
        return min(arrival, inf if due is None else max(due - START, self.now + 1e-3))

    def _arrive(self) -> None:
        while self._arrived < len(self.jobs) and self.jobs[self._arrived].submitted <= self.now:
            slot, job = self._arrived, self.jobs[self._arrived]
            self._arrived += 1
            request = Unfinished(api=job.api, origin=START + job.submitted, dated=job.dated, order=job.order)
            self.policy.add((slot,), (request,), now=START + self.now)

    def _ask(self, slot: int) -> None:
        self.polls.append((self.now, slot))
        now = START + self.now
        if self.jobs[slot].finishes <= self.now:
            self.policy.finished(slot, now=now)
            self.found[slot] = self.now
        else:
            self.policy.unfinished(slot, sent=now, now=now, erring=False)
            self.policy.again(slot, now=now)
