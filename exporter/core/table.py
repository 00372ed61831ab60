"""The unfinished requests of one account, as columns: a million of them in 400 MB, schedule and ages included.

A slot is a request's row number; it is used again after the request has ended.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from math import isnan, nan
from typing import TypeVar

from exporter.core.columns import ROOM, reach
from exporter.core.parts import grouped
from exporter.core.request import UNSEEN, Progress, Record, Status, Submission
from exporter.core.schedule import Unfinished

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


class Numbering(dict[Value, int]):
    """Small numbers for a bounded set of values; a new value gets the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[Value] = []

    def __missing__(self, value: Value) -> int:
        number = self[value] = len(self.named)
        self.named.append(value)
        return number


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
        self._progresses[UNSEEN]
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
        # Most have none, and where they have one it costs what it says.
        self._references: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._slots

    def __iter__(self) -> Iterator[int]:
        """Slots in use, in the order of intake."""
        return iter(self._slots.values())

    def among(self, request_ids: Set[str]) -> Set[str]:
        """Those of the RequestIDs that are in the table."""
        return self._slots.keys() & request_ids

    def slot(self, request_id: str) -> int | None:
        return self._slots.get(request_id)

    def request_id(self, slot: int) -> str | None:
        """The request in this slot now; None when the slot is vacant."""
        return self._ids[slot]

    def api(self, slot: int) -> str:
        return self._apis.named[self._api[slot]]

    def progress(self, slot: int) -> Progress:
        return self._progresses.named[self._progress[slot]]

    def by_api(self, slots: Sequence[int]) -> Mapping[str, Sequence[int]]:
        return {self._apis.named[api]: members for api, members in grouped(slots, self._api.__getitem__).items()}

    def progresses(self, slots: Sequence[int]) -> Mapping[Progress, int]:
        """How many of the slots have made which progress."""
        counts = Counter(map(self._progress.__getitem__, slots))
        return {self._progresses.named[number]: count for number, count in counts.items()}

    def outlook(self, api: str, slots: Sequence[int], first: int | None) -> list[Unfinished]:
        """What a policy is told of requests of one API. In order they have the numbers from `first` on, where they are
        dated; None where their order is unknown."""
        erring = {number for progress, number in self._progresses.items() if progress.status is Status.ERROR}
        found = []
        for order, slot in enumerate(slots, first or 0):
            submitted, asked = self._submitted[slot], self._unfinished[slot]
            dated, was_asked = submitted == submitted, asked == asked
            found.append(
                Unfinished(
                    api,
                    submitted if dated else self._first_seen[slot],
                    dated,
                    order if dated and first is not None else None,
                    asked if was_asked else None,
                    self._progress[slot] in erring,
                )
            )
        return found

    def origin(self, slot: int) -> float:
        """Where the age of a request starts: its submission, or its first sight where unknown."""
        submitted = self._submitted[slot]
        return self._first_seen[slot] if isnan(submitted) else submitted

    def first_seen(self, slot: int) -> float:
        return self._first_seen[slot]

    def answered(self, slot: int) -> float | None:
        return _known(self._answered[slot])

    def troubled(self, slot: int) -> bool:
        return slot in self._troubles

    def trouble(self, slot: int) -> Trouble:
        return self._troubles.get(slot, NO_TROUBLE)

    def add(self, requests: Sequence[Submission | Record], sequences: Sequence[int]) -> list[int]:
        """Enter requests as they were handed in; their slots. What was heard of them since comes by `update`."""
        slots = self._take(len(requests))
        # One after the other in each loop, because millions come by here.
        ids, api, source, apis, sources = self._ids, self._api, self._source, self._apis, self._sources
        sequence, submitted, first_seen = self._sequence, self._submitted, self._first_seen
        for slot, one, number in zip(slots, requests, sequences, strict=True):
            ids[slot] = one.request_id
            api[slot] = apis[one.api]
            source[slot] = sources[one.source]
            sequence[slot] = number
            submitted[slot] = nan if one.submitted is None else one.submitted
            first_seen[slot] = one.first_seen
            if one.reference is not None:
                self._references[slot] = one.reference
        self._slots.update(zip((one.request_id for one in requests), slots, strict=True))
        return slots

    def update(self, slot: int, record: Record) -> None:
        """Take over what changes in the life of a request."""
        self._progress[slot] = self._progresses[record.progress]
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

    def grow_younger(self, seconds: float, started: float | None) -> bool:
        """Submissions that lie so long before the first sight are that much younger, and so is all that was first seen so long
        before `started`. Whether there is any."""
        grown = False
        submitted, first_seen = self._submitted, self._first_seen
        for slot in self._slots.values():
            seen = first_seen[slot]
            if started is not None and seen + seconds <= started:
                first_seen[slot] = seen + seconds
                seen, grown = started, True
            if submitted[slot] + seconds <= seen:
                submitted[slot] += seconds
                grown = True
        return grown

    def remove(self, slot: int) -> None:
        request_id = self._ids[slot]
        if request_id is not None:
            del self._slots[request_id]
        self._ids[slot] = None
        self._troubles.pop(slot, None)
        self._references.pop(slot, None)
        self._clear(slot)
        self._vacant.append(slot)

    def record(self, slot: int) -> Record:
        """The request in this slot as one value."""
        trouble = self.trouble(slot)
        return Record(
            request_id=self._ids[slot] or "",
            account=self.account,
            api=self.api(slot),
            source=self._sources.named[self._source[slot]],
            submitted=_known(self._submitted[slot]),
            first_seen=self._first_seen[slot],
            sequence=self._sequence[slot],
            reference=self._references.get(slot),
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

    def _take(self, count: int) -> list[int]:
        if count > len(self._vacant):
            self._grow(count - len(self._vacant) + ROOM)
        taken = self._vacant[-count:]
        del self._vacant[-count:]
        return taken[::-1]

    def _grow(self, room: int) -> None:
        first = len(self._ids)
        self._ids.extend([None] * room)
        last = first + room - 1
        reach(last, 0, self._api, self._source, self._progress, self._sequence, self._polls)
        reach(last, nan, self._submitted, self._first_seen, self._answered, self._unfinished)
        # Beneath the others: what was vacated is used first.
        self._vacant[:0] = range(first + room - 1, first - 1, -1)

    def _clear(self, slot: int) -> None:
        self._polls[slot] = self._progress[slot] = 0
        self._answered[slot] = self._unfinished[slot] = nan


def _known(time: float) -> float | None:
    return None if isnan(time) else time
