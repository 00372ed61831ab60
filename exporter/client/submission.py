"""What an application submitted, as the push API reads it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from exporter.core.request import REFERENCE, REQUEST_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where it was submitted; what is None is left to the exporter's configuration."""

    account: str | None = None
    api: str | None = None

    def members(self) -> dict[str, str]:
        given = {"account": self.account, "api": self.api}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """`submitted_at` is RFC 3339."""

    request_id: str
    submitted_at: str
    target: Target
    reference: str | None = None

    def entry(self) -> dict[str, str]:
        entry = {"request_id": self.request_id, "submitted_at": self.submitted_at}
        return entry if self.reference is None else {**entry, "reference": self.reference}


def submission(request_id: object, submitted_at: object, target: Target, reference: object = None) -> Submission:
    """Raises ValueError for what the exporter would refuse: the caller's mistake is told where it is made."""
    if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
        raise ValueError("a RequestID must be 1 to 128 characters of A-Z a-z 0-9 . _ -")
    if not all(isinstance(value, str) for value in target.members().values()):
        raise ValueError("account and api must be text")
    moment = _moment(submitted_at)
    return Submission(request_id=request_id, submitted_at=moment, target=target, reference=_reference(reference))


def groups(batch: Iterable[Submission]) -> list[dict[str, Any]]:
    """One group of the push API for each account and API."""
    entries: dict[Target, list[dict[str, str]]] = {}
    for one in batch:
        entries.setdefault(one.target, []).append(one.entry())
    return [{"request_ids": ids, **target.members()} for target, ids in entries.items()]


def _reference(reference: object) -> str | None:
    if reference is None or (isinstance(reference, str) and REFERENCE.fullmatch(reference)):
        return reference
    raise ValueError("a reference must be 1 to 128 characters of A-Z a-z 0-9 . _ : / # -")


def _moment(submitted_at: object) -> str:
    if submitted_at is None:
        moment = datetime.now(UTC)
    elif isinstance(submitted_at, datetime) and submitted_at.tzinfo is not None:
        moment = submitted_at
    else:
        raise ValueError("submitted_at must be a datetime with a time zone")
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError as error:
        raise ValueError("submitted_at must lie within the calendar") from error
