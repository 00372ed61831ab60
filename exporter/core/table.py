"""The unfinished requests of one account, as columns: a million of them in 400 MB, schedule and ages included.

A slot is a request's row number; it is used again after the request has ended.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan
from typing import Generic, TypeVar

from exporter.core.columns import ROOM
from exporter.core.request import UNSEEN, Progress, Record, Submission

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What only few requests have; the fields are those of Record."""

    errored: float | None = None
    errored_after: float | None = None
    failed: bool = False
    not_found: int = 0
    reason: str | None = None


NO_TROUBLE = Trouble()


class Numbering(Generic[Value]):
    """Small numbers for a bounded set of values."""

    def __init__(self) -> None:
        self._numbers: dict[Value, int] = {}
        self.values: list[Value] = []

    def number(self, value: Value) -> int:
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found


class Table:
    """Columns by slot, and the slot of each RequestID."""

    def __init__(self, account: str) -> None:
        self.account = account
        self._slots: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._vacant: list[int] = []
        self._apis: Numbering[str] = Numbering()
        self._sources: Numbering[str] = Numbering()
        self._progresses: Numbering[Progress] = Numbering()
        self._progresses.number(UNSEEN)
        self._api = array("B")
        self._source = array("H")
        self._progress = array("H")
        self._sequence = array("q")
        self._polls = array("I")
        self._submitted = array("d")
        self._first_seen = array("d")
        self._answered = array("d")
        self._unfinished = array("d")
        self._troubles: dict[int, Trouble] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._slots

    def __iter__(self) -> Iterator[int]:
        """Slots in use, in the order of intake."""
        return iter(self._slots.values())

    def slot(self, request_id: str) -> int | None:
        return self._slots.get(request_id)

    def request_id(self, slot: int) -> str | None:
        """The request in this slot now; None when the slot is vacant."""
        return self._ids[slot]

    def api(self, slot: int) -> str:
        return self._apis.values[self._api[slot]]

    def progress(self, slot: int) -> Progress:
        return self._progresses.values[self._progress[slot]]

    def origin(self, slot: int) -> float:
        """Where the age of a request starts: its submission, or its first sight where unknown."""
        submitted = self._submitted[slot]
        return self._first_seen[slot] if isnan(submitted) else submitted

    def dated(self, slot: int) -> bool:
        """Whether its submission time is known."""
        return not isnan(self._submitted[slot])

    def unfinished(self, slot: int) -> float | None:
        """Sending of the last poll that showed it unfinished."""
        return _known(self._unfinished[slot])

    def first_seen(self, slot: int) -> float:
        return self._first_seen[slot]

    def answered(self, slot: int) -> float | None:
        return _known(self._answered[slot])

    def troubled(self, slot: int) -> bool:
        return slot in self._troubles

    def trouble(self, slot: int) -> Trouble:
        return self._troubles.get(slot, NO_TROUBLE)

    def add(self, submission: Submission | Record, sequence: int) -> int:
        """Enter a request as it was handed in; its slot. What was heard of it since comes by `update`."""
        if not self._vacant:
            self._grow()
        slot = self._vacant.pop()
        self._ids[slot] = submission.request_id
        self._slots[submission.request_id] = slot
        self._api[slot] = self._apis.number(submission.api)
        self._source[slot] = self._sources.number(submission.source)
        self._sequence[slot] = sequence
        self._submitted[slot] = nan if submission.submitted is None else submission.submitted
        self._first_seen[slot] = submission.first_seen
        return slot

    def update(self, slot: int, record: Record) -> None:
        """Take over what changes in the life of a request."""
        self._progress[slot] = self._progresses.number(record.progress)
        self._polls[slot] = record.polls
        self._answered[slot] = nan if record.answered is None else record.answered
        self._unfinished[slot] = nan if record.unfinished is None else record.unfinished
        if record.failed or record.not_found or record.reason is not None:
            self._troubles[slot] = Trouble(
                record.errored, record.errored_after, record.failed, record.not_found, record.reason
            )
        elif slot in self._troubles:
            del self._troubles[slot]

    def confirm(self, slot: int, *, sent: float, received: float) -> None:
        """A poll showed nothing new."""
        self._polls[slot] += 1
        self._answered[slot] = received
        self._unfinished[slot] = sent

    def remove(self, slot: int) -> None:
        request_id = self._ids[slot]
        if request_id is not None:
            del self._slots[request_id]
        self._ids[slot] = None
        self._troubles.pop(slot, None)
        self._clear(slot)
        self._vacant.append(slot)

    def record(self, slot: int) -> Record:
        """The request in this slot as one value."""
        trouble = self.trouble(slot)
        return Record(
            request_id=self._ids[slot] or "",
            account=self.account,
            api=self.api(slot),
            source=self._sources.values[self._source[slot]],
            submitted=_known(self._submitted[slot]),
            first_seen=self._first_seen[slot],
            sequence=self._sequence[slot],
            progress=self.progress(slot),
            polls=self._polls[slot],
            answered=_known(self._answered[slot]),
            unfinished=_known(self._unfinished[slot]),
            errored=trouble.errored,
            errored_after=trouble.errored_after,
            failed=trouble.failed,
            not_found=trouble.not_found,
            reason=trouble.reason,
        )

    def _grow(self) -> None:
        first = len(self._ids)
        self._ids.extend([None] * ROOM)
        for column in (self._api, self._source, self._progress, self._sequence, self._polls):
            column.extend([0] * ROOM)
        for times in (self._submitted, self._first_seen, self._answered, self._unfinished):
            times.extend([nan] * ROOM)
        self._vacant.extend(range(first + ROOM - 1, first - 1, -1))

    def _clear(self, slot: int) -> None:
        self._polls[slot] = self._progress[slot] = 0
        self._answered[slot] = self._unfinished[slot] = nan


def _known(time: float) -> float | None:
    return None if isnan(time) else time
