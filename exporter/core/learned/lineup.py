"""Who is worth comparing: of many unfinished requests, the head of each group of like ones.

Within a group all were about as old (or as far from the frontier) when they were last asked about, so the one asked about
longest ago (or first in order) is worth most. A pick compares some dozen heads, however many requests there are.
"""

from array import array
from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from exporter.core.columns import ROOM

NOBODY = -1


class Chains:
    """Groups as doubly linked lists through arrays, 10 bytes a slot: first in, first out, any slot removable at once."""

    def __init__(self) -> None:
        self.heads: dict[int, int] = {}
        self._tails: dict[int, int] = {}
        self._group = array("h")
        self._earlier = array("i")
        self._later = array("i")

    def append(self, slot: int, group: int) -> None:
        """Enter a slot at the end of a group (a number from 0 to 32,767)."""
        if slot >= len(self._group):
            missing = slot + ROOM - len(self._group)
            self._group.extend([NOBODY] * missing)
            self._earlier.extend([NOBODY] * missing)
            self._later.extend([NOBODY] * missing)
        last = self._tails.get(group, NOBODY)
        self._group[slot], self._earlier[slot], self._later[slot] = group, last, NOBODY
        self._tails[group] = slot
        if last == NOBODY:
            self.heads[group] = slot
        else:
            self._later[last] = slot

    def remove(self, slot: int) -> None:
        """Take a slot out of its group; nothing happens where it is in none."""
        if slot >= len(self._group) or self._group[slot] == NOBODY:
            return
        group, earlier, later = self._group[slot], self._earlier[slot], self._later[slot]
        self._group[slot] = NOBODY
        if earlier != NOBODY:
            self._later[earlier] = later
        elif later != NOBODY:
            self.heads[group] = later
        else:
            del self.heads[group], self._tails[group]
            return
        if later != NOBODY:
            self._earlier[later] = earlier
        else:
            self._tails[group] = earlier


# An entry is one integer, (order << SLOT_BITS) | slot: a heap of tuples takes three times the memory.
SLOT_BITS = 24
SLOT_MASK = (1 << SLOT_BITS) - 1
# What an array of 8-byte integers takes.
LARGEST = (1 << 63) - 1


class Rank:
    """The entries of one group, smallest first. Nearly all come in order and wait in an array, 8 bytes each; only those
    that don't need a heap."""

    __slots__ = ("_heap", "_queue", "_start")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._queue = array("q")
        self._start = 0

    def __len__(self) -> int:
        return len(self._heap) + len(self._queue) - self._start

    def push(self, entry: int) -> None:
        if entry <= LARGEST and (self._start == len(self._queue) or entry >= self._queue[-1]):
            self._queue.append(entry)
        else:
            heappush(self._heap, entry)

    def first(self) -> int:
        if self._start == len(self._queue):
            return self._heap[0]
        waiting = self._queue[self._start]
        return self._heap[0] if self._heap and self._heap[0] < waiting else waiting

    def pop(self) -> None:
        if self._heap and self.first() == self._heap[0]:
            heappop(self._heap)
            return
        self._start += 1
        if self._start > 64 and 2 * self._start > len(self._queue):
            del self._queue[: self._start]
            self._start = 0

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Drop all other entries, and doubles."""
        entries = {*self._heap, *self._queue[self._start :]}
        self._heap, self._start = [], 0
        self._queue = array("q")
        for entry in sorted(filter(wanted, entries)):
            self.push(entry)


class Ranks:
    """Groups by order number, with lazy deletion: the first in order comes first, whenever it entered."""

    def __init__(self) -> None:
        self._ranks: dict[int, Rank] = {}
        self._sizes: dict[int, int] = {}
        self._group = array("b")
        # A slot is used again: an entry of the request before, in the same group, must not pass for its own.
        self._order = array("q")

    def put(self, slot: int, order: int, group: int) -> None:
        """Enter a slot, or move it. `group` is a number from 0 to 127."""
        if slot >= len(self._group):
            missing = slot + ROOM - len(self._group)
            self._group.extend([NOBODY] * missing)
            self._order.extend([NOBODY] * missing)
        self.remove(slot)
        self._group[slot], self._order[slot] = group, order
        rank = self._ranks.get(group)
        if rank is None:
            rank = self._ranks[group] = Rank()
        size = self._sizes[group] = self._sizes.get(group, 0) + 1
        rank.push((order << SLOT_BITS) | slot)
        if len(rank) > 2 * size + 64:
            rank.keep(lambda entry: self._holds(entry, group))

    def remove(self, slot: int) -> None:
        if slot < len(self._group) and (group := self._group[slot]) != NOBODY:
            self._group[slot] = NOBODY
            self._sizes[group] -= 1

    def heads(self) -> Iterator[int]:
        """The first slot of each group that has any."""
        for group, size in self._sizes.items():
            if size:
                yield self._head(group)

    def first(self) -> int | None:
        """The slot that is first in order of all."""
        return min(self.heads(), key=self._order.__getitem__, default=None)

    def _head(self, group: int) -> int:
        rank = self._ranks[group]
        while not self._holds(entry := rank.first(), group):
            rank.pop()
        return entry & SLOT_MASK

    def _holds(self, entry: int, group: int) -> bool:
        slot = entry & SLOT_MASK
        return self._group[slot] == group and self._order[slot] == entry >> SLOT_BITS


class Crowd:
    """Slots from which one can be picked at random, 8 bytes each."""

    def __init__(self) -> None:
        self._slots = array("i")
        self._places = array("i")

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, slot: int) -> bool:
        return slot < len(self._places) and self._places[slot] != NOBODY

    def __getitem__(self, place: int) -> int:
        return self._slots[place]

    def add(self, slot: int) -> None:
        if slot >= len(self._places):
            missing = slot + ROOM - len(self._places)
            self._places.extend([NOBODY] * missing)
        self._places[slot] = len(self._slots)
        self._slots.append(slot)

    def remove(self, slot: int) -> None:
        place, last = self._places[slot], self._slots.pop()
        self._places[slot] = NOBODY
        if last != slot:
            self._slots[place] = last
            self._places[last] = place
