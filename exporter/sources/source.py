"""The seam between the ways in and the intake."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from exporter.core.cursor import Cursor
from exporter.errors import (
    EntryLost,
    ImpossibleTime,
    IntakeFull,
    InvalidEntry,
    SourceRefused,
    SourceTimeout,
    SourceUnreachable,
    StoreError,
    UnfitReference,
)


class Entry(NamedTuple):
    """One RequestID as it was handed in; `where` says from where, for error messages. `submitted` is seconds since the epoch,
    `reference` what the application knows it by.

    A tuple, because it takes a third of the time to make.
    """

    request_id: str
    account: str
    api: str
    submitted: float | None
    where: str = ""
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many of the entries are new, and how many were known already."""

    accepted: int
    known: int


class Intake(Protocol):
    """Takes in all entries or none, and returns after they are durable, and with them how far the source has read.

    Raises InvalidEntry (UnknownAccount included), IntakeFull or StoreUnavailable.
    """

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted: ...


class SourceHealth(Protocol):
    """Where a source says how it is. `error` is counted and, with the state, shown as a metric; it is logged by the source."""

    def up(self, source: str) -> None: ...

    def down(self, source: str, error: Exception) -> None: ...

    def refused(self, source: str, error: InvalidEntry, count: int = 1) -> None:
        """So many entries do not fit and were passed over or put aside, or taken in without their time or reference
        (ImpossibleTime, UnfitReference); the source itself works on."""


class Source(Protocol):
    """A way in. `run` lasts until it is cancelled; trouble is reported, waited out and tried again, never raised."""

    @property
    def name(self) -> str: ...

    async def run(self) -> None: ...


@runtime_checkable
class Changeable(Protocol):
    """A Source that goes on with other settings, because a pause would be noticed."""

    def change(self, source: Any) -> None: ...


@runtime_checkable
class Rereading(Protocol):
    """A Source that may hand in again what it has handed in before."""

    @property
    def read_since(self) -> float:
        """At this time or later it has handed in all that it may hand in again; UNREAD before it has, NOTHING_AGAIN where there is
        nothing."""


def trouble_of(error: Exception) -> str:
    """The kind of an error, as a value of a label."""
    match error:
        case EntryLost():
            return "lost"
        case ImpossibleTime():
            return "impossible_time"
        case UnfitReference():
            return "unfit_reference"
        case InvalidEntry():
            return "invalid_entry"
        case IntakeFull():
            return "intake_full"
        case StoreError():
            return "store"
        case SourceUnreachable():
            return "unreachable"
        case SourceTimeout():
            return "timeout"
        case SourceRefused():
            return "refused"
        case _:
            return "unreadable"
