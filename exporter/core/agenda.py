"""Slots in the order of the time at which they are due, some 16 bytes each where they come in order."""

from array import array
from collections.abc import Iterable, Sequence

from exporter.core.columns import reach
from exporter.core.rank import NOTHING, SLOT_BITS, SLOT_MASK, Rank

TICKS_PER_SECOND = 256
ABSENT = -1


class Agenda:
    """Entries with lazy deletion. Times before `epoch` count as `epoch`; times are rounded down to 1/256 s."""

    def __init__(self, epoch: float) -> None:
        self._epoch = epoch
        self._entries = Rank()
        self._ticks = array("q")
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, slots: Sequence[int], due: Iterable[float]) -> None:
        """Enter slots, or move them."""
        reach(max(slots, default=0), ABSENT, self._ticks)
        ticks, entries = self._ticks, []
        for slot, time in zip(slots, due, strict=True):
            tick = self._tick(time)
            self._size += ticks[slot] == ABSENT
            ticks[slot] = tick
            entries.append((tick << SLOT_BITS) | slot)
        self._entries.push(entries)
        if len(self._entries) > 2 * self._size + 64:
            # Requests that finish early would otherwise leave their entries until these come up, hours later.
            self._entries.keep(self._holds)

    def put_one(self, slot: int, due: float) -> None:
        """The same for one slot that was in before."""
        tick = self._tick(due)
        self._size += self._ticks[slot] == ABSENT
        self._ticks[slot] = tick
        self._entries.push_one((tick << SLOT_BITS) | slot)
        if len(self._entries) > 2 * self._size + 64:
            self._entries.keep(self._holds)

    def drop(self, slot: int) -> None:
        """Take a slot out; nothing happens where it is not in."""
        if slot < len(self._ticks) and self._ticks[slot] != ABSENT:
            self._ticks[slot] = ABSENT
            self._size -= 1

    def peek(self) -> int | None:
        """The slot that is due first; None when empty."""
        entry = self._first()
        return None if entry == NOTHING else entry & SLOT_MASK

    def first(self) -> float | None:
        """When the first slot is due; None when empty."""
        entry = self._first()
        return None if entry == NOTHING else self._epoch + (entry >> SLOT_BITS) / TICKS_PER_SECOND

    def pop(self, now: float) -> int | None:
        """Take out the first slot if it is due."""
        entry = self._first()
        if entry == NOTHING or entry >> SLOT_BITS > self._tick(now):
            return None
        self._entries.pop()
        slot = entry & SLOT_MASK
        self._ticks[slot] = ABSENT
        self._size -= 1
        return slot

    def pop_all(self, now: float) -> list[int]:
        """Take out all slots that are due, in the order in which they are."""
        found = []
        while (slot := self.pop(now)) is not None:
            found.append(slot)
        return found

    def _first(self) -> int:
        entries, ticks = self._entries, self._ticks
        while (entry := entries.first()) != NOTHING and ticks[entry & SLOT_MASK] != entry >> SLOT_BITS:
            entries.pop()
        return entry

    def _holds(self, entry: int) -> bool:
        return self._ticks[entry & SLOT_MASK] == entry >> SLOT_BITS

    def _tick(self, time: float) -> int:
        return int((time - self._epoch) * TICKS_PER_SECOND) if time > self._epoch else 0
