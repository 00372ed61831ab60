"""Slots in the order of the time at which they are due, 48 bytes each."""

from array import array
from heapq import heapify, heappop, heappush

from exporter.core.columns import ROOM

# An entry is one integer, (tick << SLOT_BITS) | slot, below 2**60: CPython keeps it in 32 bytes, a tuple with a float takes 120.
TICKS_PER_SECOND = 256
SLOT_BITS = 24
SLOT_MASK = (1 << SLOT_BITS) - 1
ABSENT = -1


class Agenda:
    """A heap with lazy deletion. Times before `epoch` count as `epoch`; times are rounded down to 1/256 s."""

    def __init__(self, epoch: float) -> None:
        self._epoch = epoch
        self._heap: list[int] = []
        self._ticks = array("q")
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, slot: int, due: float) -> None:
        """Enter a slot, or move it."""
        if slot >= len(self._ticks):
            self._ticks.extend([ABSENT] * (slot + ROOM - len(self._ticks)))
        self._size += self._ticks[slot] == ABSENT
        tick = self._tick(due)
        self._ticks[slot] = tick
        heappush(self._heap, (tick << SLOT_BITS) | slot)
        if len(self._heap) > 2 * self._size + 64:
            self._compact()

    def drop(self, slot: int) -> None:
        """Take a slot out; nothing happens where it is not in."""
        if slot < len(self._ticks) and self._ticks[slot] != ABSENT:
            self._ticks[slot] = ABSENT
            self._size -= 1

    def peek(self) -> int | None:
        """The slot that is due first; None when empty."""
        while self._heap:
            entry = self._heap[0]
            if self._ticks[entry & SLOT_MASK] == entry >> SLOT_BITS:
                return entry & SLOT_MASK
            heappop(self._heap)
        return None

    def first(self) -> float | None:
        """When the first slot is due; None when empty."""
        slot = self.peek()
        return None if slot is None else self._epoch + self._ticks[slot] / TICKS_PER_SECOND

    def pop(self, now: float) -> int | None:
        """Take out the first slot if it is due."""
        slot = self.peek()
        if slot is None or self._ticks[slot] > self._tick(now):
            return None
        heappop(self._heap)
        self.drop(slot)
        return slot

    def _tick(self, time: float) -> int:
        return max(0, int((time - self._epoch) * TICKS_PER_SECOND))

    def _compact(self) -> None:
        # Requests that finish early would otherwise leave their entries until these come up, hours later.
        ticks = self._ticks
        self._heap = [entry for entry in set(self._heap) if ticks[entry & SLOT_MASK] == entry >> SLOT_BITS]
        heapify(self._heap)
