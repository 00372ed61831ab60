"""Small integers in order, most of which come in order."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

# An entry is one integer, (order << SLOT_BITS) | slot, below 2**63: a heap of tuples takes ten times the memory.
SLOT_BITS = 24
SLOT_MASK = (1 << SLOT_BITS) - 1
NOTHING = -1


class Rank:
    """Entries, smallest first. Those that come in order wait in an array, 8 bytes each; only the others need a heap."""

    __slots__ = ("_heap", "_queue", "_start")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._queue = array("q")
        self._start = 0

    def __len__(self) -> int:
        return len(self._heap) + len(self._queue) - self._start

    def push(self, entries: Sequence[int]) -> None:
        ordered = sorted(entries)
        late = bisect_left(ordered, self._queue[-1]) if self._start < len(self._queue) else 0
        for entry in ordered[:late]:
            heappush(self._heap, entry)
        self._queue.extend(ordered[late:])

    def push_one(self, entry: int) -> None:
        """The same as `push`, for one."""
        queue = self._queue
        if self._start < len(queue) and entry < queue[-1]:
            heappush(self._heap, entry)
        else:
            queue.append(entry)

    def first(self) -> int:
        """NOTHING when empty."""
        heap, queue, start = self._heap, self._queue, self._start
        if start == len(queue):
            return heap[0] if heap else NOTHING
        waiting = queue[start]
        return heap[0] if heap and heap[0] < waiting else waiting

    def pop(self) -> None:
        heap, queue, start = self._heap, self._queue, self._start
        if heap and (start == len(queue) or heap[0] < queue[start]):
            heappop(heap)
            return
        self._start = start = start + 1
        if start > 64 and 2 * start > len(queue):
            del queue[:start]
            self._start = 0

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Drop all other entries, and doubles."""
        entries = {*self._heap, *self._queue[self._start :]}
        self._heap, self._start = [], 0
        self._queue = array("q", sorted(filter(wanted, entries)))
