"""A request as the API shows it. What is not kept can't be shown: there is no RequestBody and no Message anywhere."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from exporter.core.request import Record, State, Transition


def moment(time: float | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if time is None:
        return None
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(record: Record) -> tuple[float, float] | None:
    """Lower and upper bound of the time from submission to finish; None where either is unknown."""
    if record.state is not State.FINISHED or record.submitted is None or record.finished is None:
        return None
    after = record.submitted if record.finished_after is None else record.finished_after
    return max(after - record.submitted, 0.0), max(record.finished - record.submitted, 0.0)


def request_object(record: Record, transitions: Sequence[Transition] | None = None) -> dict[str, Any]:
    """The finish lies between `finished_after` and `finished_at`; a request that was given up has `abandoned_at` instead."""
    shown: dict[str, Any] = {
        "request_id": record.request_id,
        "reference": record.reference,
        "account": record.account,
        "api": record.api,
        "source": record.source,
        "state": record.state,
        "status": record.progress.status,
        "current_step": record.progress.current_step,
        "last_step": record.progress.last_step,
        "reason": record.reason,
        "cause": record.cause,
        "polls": record.polls,
        **_times(record),
    }
    if transitions is not None:
        shown["transitions"] = [_transition(one) for one in transitions]
    return shown


def _times(record: Record) -> dict[str, Any]:
    finished = record.state is State.FINISHED
    bounds = duration(record)
    return {
        "submitted_at": moment(record.submitted),
        "first_seen_at": moment(record.first_seen),
        "finished_after": moment(record.finished_after) if finished else None,
        "finished_at": moment(record.finished) if finished else None,
        "abandoned_at": moment(record.finished) if record.state is State.ABANDONED else None,
        "duration_seconds": bounds and {"lower": round(bounds[0], 3), "upper": round(bounds[1], 3)},
    }


def _transition(transition: Transition) -> dict[str, Any]:
    progress = transition.progress
    return {
        "time": moment(transition.time),
        "status": progress.status,
        "current_step": progress.current_step,
        "last_step": progress.last_step,
    }
