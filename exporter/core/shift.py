"""The same moments on another clock. All functions give back what they got where both show the same."""

from exporter.core.change import Change
from exporter.core.request import Record, Submission


def record_on(record: Record, by: float) -> Record:
    """The record as a clock tells it that is ahead by so many seconds."""
    if not by:
        return record
    return record._replace(
        submitted=_moved(record.submitted, by),
        first_seen=record.first_seen + by,
        answered=_moved(record.answered, by),
        unfinished=_moved(record.unfinished, by),
        errored=_moved(record.errored, by),
        errored_after=_moved(record.errored_after, by),
        finished_after=_moved(record.finished_after, by),
        finished=_moved(record.finished, by),
    )


def change_on(change: Change, by: float) -> Change:
    """What the store writes of a change; the observations are in seconds that no clock shows."""
    if not by:
        return change
    moved = change.transition and change.transition._replace(time=change.transition.time + by)
    return change._replace(record=record_on(change.record, by), transition=moved)


def submission_on(one: Submission, by: float) -> Submission:
    if not by:
        return one
    return one._replace(submitted=_moved(one.submitted, by), first_seen=one.first_seen + by)


def restored(record: Record, *, taken_in: float, since: float, now: float) -> Record:
    """A record of an earlier process. This one's clock is ahead of that by which it was taken in, and of that by which what was
    heard of it since was noted. Nothing of it lies ahead of `now` then.
    """
    if not taken_in and not since:
        return _until(record, now)
    submitted = _moved(record.submitted, taken_in)
    if taken_in < 0 and record.submitted is not None and record.submitted <= record.first_seen + taken_in:
        # What the fast clock of then made so old was told by one that went right.
        submitted = record.submitted
    moved = record_on(record, since)._replace(submitted=submitted, first_seen=record.first_seen + taken_in)
    return _until(moved, now)


def _until(record: Record, now: float) -> Record:
    """A moment that lies ahead was noted by a clock that has been set back since: an age would be below zero, and what waits for
    its end would wait for long."""
    if record.first_seen <= now and (record.submitted or 0.0) <= now and (record.answered or 0.0) <= now:
        return record
    return record._replace(
        submitted=_bounded(record.submitted, now),
        first_seen=min(record.first_seen, now),
        answered=_bounded(record.answered, now),
        unfinished=_bounded(record.unfinished, now),
        errored=_bounded(record.errored, now),
        errored_after=_bounded(record.errored_after, now),
    )


def _moved(time: float | None, by: float) -> float | None:
    return None if time is None else time + by


def _bounded(time: float | None, most: float) -> float | None:
    return None if time is None else min(time, most)
