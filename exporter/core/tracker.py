"""What answers, deadlines and orders do to the requests of one account.

The tracker decides by returning a Change and alters nothing; `apply` takes the change over once it is durable. Between
the two a request is settling: no second decision about it is made. So memory never runs ahead of the store.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.core.ages import Ages
from exporter.core.census import Census
from exporter.core.change import Change
from exporter.core.ledger import Counter, Histogram, Labels, Ledger, Observation, Tally
from exporter.core.parts import parts
from exporter.core.request import (
    Cause,
    Outcome,
    Progress,
    Record,
    Report,
    State,
    Status,
    Submission,
    Transition,
)
from exporter.core.table import Table
from exporter.core.vocabulary import Vocabulary

YEAR = 365 * 86400.0

# When a finish between two times (seconds since the epoch) most plausibly was.
Place = Callable[[float, float], float]


def middle(lower: float, upper: float) -> float:
    return (lower + upper) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a request is final, stuck, or given up. Durations are seconds.

    A request is given up only after it has been watched for `last_look` (or for `give_up_after` if that is shorter) and was
    asked about meanwhile. One that nobody got to ask about is watched for `give_up_after`; and one that was overdue when it
    came, or when the exporter started again, for longer still while no answer at all has come for its account.
    """

    stuck_after: float
    give_up_after: float
    error_grace: float
    not_found_attempts: int
    last_look: float


class Tracker:
    """The unfinished requests of one account."""

    def __init__(
        self, account: str, rules: Rules, *, ledger: Ledger, reasons: Vocabulary, steps: Vocabulary, now: float
    ) -> None:
        self.account = account
        self.table = Table(account)
        self.censuses: dict[str, Census] = {}
        self._rules = rules
        self._ledger = ledger
        self._reasons = reasons
        self._steps = steps
        self._started = now
        self._settling: set[int] = set()

    def __len__(self) -> int:
        return len(self.table)

    def settling(self, slot: int) -> bool:
        """Whether a decision about this request waits to become durable."""
        return slot in self._settling

    def census(self, api: str) -> Census:
        found = self.censuses.get(api)
        if found is None:
            rules = self._rules
            ages = Ages(
                epoch=self._started - YEAR,
                stuck_after=rules.stuck_after,
                give_up_after=rules.give_up_after,
                origin=self.table.origin,
            )
            found = self.censuses[api] = Census(ages)
        return found

    def change_rules(self, rules: Rules) -> None:
        """Take over changed settings; what they make of the requests shows at the next look."""
        stuck_changed = rules.stuck_after != self._rules.stuck_after
        self._rules = rules
        for census in self.censuses.values():
            census.ages.stuck_after, census.ages.give_up_after = rules.stuck_after, rules.give_up_after
            if stuck_changed:
                census.unstick_all()

    def grow_younger(self, seconds: float, *, earlier: bool) -> bool:
        """The wall clock turned out to have been fast: what seemed at least so much older than its intake was told by a clock that
        went right. So was, with `earlier`, what came from an earlier process. Whether anything became younger.

        What may have been told by the fast clock itself keeps its age.
        """
        if not self.table.grow_younger(seconds, self._started if earlier else None):
            return False
        for census in self.censuses.values():
            census.unstick_all()
        for api, slots in self.table.by_api(list(self.table)).items():
            self.census(api).ages.renew(slots)
        return True

    def admit(self, submissions: Sequence[Submission], sequences: Sequence[int]) -> list[int]:
        """Watch requests whose intake is durable; their slots."""
        slots = self.table.add(submissions, sequences)
        self._enter(slots)
        return slots

    def restore(self, records: Sequence[Record]) -> list[int]:
        """Take over unfinished requests out of the store; their slots. `restored` has to follow the last ones."""
        slots = self.table.add(records, [record.sequence for record in records])
        for slot, record in zip(slots, records, strict=True):
            if record.polls:
                self.table.update(slot, record)
        return slots

    def restored(self) -> None:
        """All are in the table: count them, the one asked about longest ago first."""
        for part in parts(sorted(self.table, key=self._asked)):
            self._enter(part)

    def answer(self, slot: int, report: Report, *, sent: float, received: float, place: Place = middle) -> Change:
        """What an answer about this request changes. `sent` and `received` are when its poll was sent and answered;
        `place` says when a finish between two times most plausibly was."""
        record = self.table.record(slot)
        progress = Progress(report.status, self._steps.label(report.current_step), self._steps.label(report.last_step))
        reason = None if report.reason is None else self._reasons.label(report.reason)
        seen = self._seen(record, progress, reason, sent=sent, received=received)
        moved = () if progress == record.progress else (Transition(received, progress),)
        tallies = self._error_tallies(record, seen)
        if self._final(seen, received):
            return self._finish(
                seen._replace(unfinished=record.unfinished), moved, tallies, received=received, place=place
            )
        outcome = Outcome.ADVANCED if moved else Outcome.UNCHANGED
        return Change(record=seen, outcome=outcome, transition=moved[0] if moved else None, tallies=tallies)

    def confirm(self, slot: int, report: Report, *, sent: float, received: float) -> bool:
        """Take over at once an answer that shows nothing new about an untroubled request; False where it is one to decide on.

        Nearly all answers are of this kind, so they change columns and build no record.
        """
        table, label = self.table, self._steps.label
        shown = (report.status, label(report.current_step), label(report.last_step))
        if shown != table.progress(slot) or table.troubled(slot):
            return False
        table.confirm(slot, sent=sent, received=received)
        self.censuses[table.api(slot)].recency.touch(slot)
        return True

    def noted(self, request_id: str) -> Change | None:
        """The request as it stands, to be stored; None when it has ended."""
        slot = self.table.slot(request_id)
        return None if slot is None else Change(record=self.table.record(slot))

    def not_found(self, slot: int, *, received: float) -> Change:
        """The vendor does not know the RequestID; after `not_found_attempts` such answers in a row it is abandoned."""
        record = self.table.record(slot)
        seen = record._replace(polls=record.polls + 1, not_found=record.not_found + 1, answered=received)
        if seen.not_found >= self._rules.not_found_attempts:
            return self._abandon(seen, Cause.NOT_FOUND, received, Outcome.NOT_FOUND)
        return Change(record=seen, outcome=Outcome.NOT_FOUND)

    def remove(self, slot: int, *, now: float) -> Change:
        """An operator wants this request no longer watched."""
        return self._abandon(self.table.record(slot), Cause.REMOVED, now, None)

    def expire(self, now: float, *, heard: float | None) -> list[Change]:
        """Give up what is overdue. `heard` is when the last usable answer about anything of the account arrived."""
        changes = []
        for census in self.censuses.values():
            later: dict[int, float] = {}
            for slot in census.ages.overdue(now):
                until = self._watched_until(slot, now, heard)
                if until > now or slot in self._settling:
                    later[slot] = max(until, now + 1.0)
                else:
                    changes.append(self._abandon(self.table.record(slot), Cause.EXPIRED, now, None))
            census.ages.put_off(later)
        return changes

    def settle(self, change: Change) -> None:
        """No other decision about this request until `apply`."""
        slot = self.table.slot(change.record.request_id)
        if slot is not None:
            self._settling.add(slot)

    def apply(self, change: Change) -> int | None:
        """Take over a durable change; the slot, or None if the request has ended."""
        slot = self.table.slot(change.record.request_id)
        if slot is None:
            return None
        self._ledger.count(change.tallies)
        self._ledger.observe(change.observations)
        self._settling.discard(slot)
        census = self.census(change.record.api)
        before = self.table.progress(slot)
        if change.record.state is not State.PENDING:
            census.leave(slot, before)
            self.table.remove(slot)
            return None
        self.table.update(slot, change.record)
        census.move(slot, before, change.record.progress)
        census.recency.touch(slot)
        return slot

    def look(self, now: float) -> None:
        """Find those that have become stuck."""
        for census in self.censuses.values():
            for slot in census.ages.newly_stuck(now):
                census.stick(slot, self.table.progress(slot))

    def staleness(self, api: str, now: float) -> float:
        """The longest time since an unfinished request was asked about; since its first sight if it never was."""
        slot = self.census(api).recency.first
        return 0.0 if slot is None else max(0.0, now - self._asked(slot))

    def oldest_age(self, api: str, now: float) -> float:
        origin = self.census(api).ages.oldest()
        return 0.0 if origin is None else max(0.0, now - origin)

    def _enter(self, slots: Sequence[int]) -> None:
        for api, members in self.table.by_api(slots).items():
            self.census(api).enter(members, self.table.progresses(members))

    def _watched_until(self, slot: int, now: float, heard: float | None) -> float:
        """An overdue request is given up then, unless it should be looked at once more."""
        rules, answered = self._rules, self.table.answered(slot)
        watched = max(self.table.first_seen(slot), self._started)
        look = min(rules.give_up_after, rules.last_look)
        if now < watched + look or (answered is not None and answered >= watched):
            return watched + look
        if now < watched + rules.give_up_after:
            return min(now + look, watched + rules.give_up_after)
        came_late = self.table.origin(slot) + rules.give_up_after <= watched
        never_heard = heard is None or heard < watched
        return now + look if came_late and never_heard else now

    def _asked(self, slot: int) -> float:
        answered = self.table.answered(slot)
        return self.table.first_seen(slot) if answered is None else answered

    def _seen(self, record: Record, progress: Progress, reason: str | None, *, sent: float, received: float) -> Record:
        error = progress.status is Status.ERROR
        first = error and record.errored is None
        before = record.unfinished if record.unfinished is not None else record.submitted
        return record._replace(
            progress=progress,
            polls=record.polls + 1,
            answered=received,
            unfinished=sent,
            not_found=0,
            errored=received if first else record.errored if error else None,
            errored_after=before if first else record.errored_after if error else None,
            failed=record.failed or error,
            reason=reason if reason is not None else record.reason,
        )

    def _error_tallies(self, record: Record, seen: Record) -> tuple[Tally, ...]:
        status = seen.progress.status
        first_error = status is Status.ERROR and not record.failed
        if status is not Status.FAILURE and not first_error:
            return ()
        return (Tally(Counter.ERRORS, (*self._labels(seen), status, seen.reason or "other")),)

    def _final(self, seen: Record, now: float) -> bool:
        if seen.progress.status in (Status.SUCCESS, Status.FAILURE):
            return True
        return seen.errored is not None and now >= seen.errored + self._rules.error_grace

    def _finish(
        self,
        seen: Record,
        moved: tuple[Transition, ...],
        tallies: tuple[Tally, ...],
        *,
        received: float,
        place: Place,
    ) -> Change:
        lower, upper = seen.unfinished if seen.unfinished is not None else seen.submitted, received
        if seen.errored is not None:
            # An ERROR that turned out final was the end when it was first seen, not when the grace was over.
            lower, upper = seen.errored_after, seen.errored
        if lower is not None:
            # Clocks differ: a submission may lie ahead of the answer.
            lower = min(lower, upper)
        ended = seen._replace(state=State.FINISHED, finished_after=lower, finished=upper)
        return Change(
            record=ended,
            outcome=Outcome.FINISHED,
            transition=moved[0] if moved else None,
            tallies=(*tallies, *self._finish_tallies(ended)),
            observations=self._observations(ended, place if seen.errored is None else middle),
        )

    def _finish_tallies(self, ended: Record) -> list[Tally]:
        labels, status = self._labels(ended), ended.progress.status
        tallies = [Tally(Counter.FINISHED, (*labels, status, ended.progress.last_step))]
        if ended.failed and status is Status.SUCCESS:
            tallies.append(Tally(Counter.RECOVERED, labels))
        if ended.submitted is None:
            tallies.append(Tally(Counter.DURATION_UNKNOWN, (*labels, status)))
        return tallies

    def _observations(self, ended: Record, place: Place) -> tuple[Observation, ...]:
        lower, upper = ended.finished_after, ended.finished
        if lower is None or upper is None:
            return ()
        labels = self._labels(ended)
        window = self._observation(Histogram.DETECTION_WINDOW, labels, max(0.0, upper - lower), ended)
        if ended.submitted is None:
            return (window,)
        # The finish is somewhere in the window, and the window tells how far the duration can be off.
        duration = max(0.0, place(max(lower, ended.submitted), max(upper, ended.submitted)) - ended.submitted)
        return window, self._observation(Histogram.DURATION, (*labels, ended.progress.status), duration, ended)

    def _observation(self, histogram: Histogram, labels: Labels, value: float, ended: Record) -> Observation:
        return self._ledger.observation(
            histogram, labels, value=value, request_id=ended.request_id, time=ended.finished or 0.0
        )

    def _abandon(self, record: Record, cause: Cause, now: float, outcome: Outcome | None) -> Change:
        ended = record._replace(state=State.ABANDONED, cause=cause, finished=now)
        return Change(
            record=ended, outcome=outcome, tallies=(Tally(Counter.ABANDONED, (*self._labels(record), cause)),)
        )

    def _labels(self, record: Record) -> Labels:
        return (record.account, record.api)
