"""Who is worth comparing: of many unfinished requests, the head of each group of like ones.

Within a group all were about as old (or as far from the frontier) when they were last asked about, so the one asked about
longest ago (or first in order) is worth most. A pick compares some dozen heads, however many requests there are.
"""

from array import array
from collections.abc import Iterator, Sequence

from exporter.core.columns import reach
from exporter.core.rank import SLOT_BITS, SLOT_MASK, Rank
from exporter.core.recency import NOBODY, chain


class Chains:
    """Groups as doubly linked lists through arrays, 10 bytes a slot: first in, first out, any slot removable at once."""

    def __init__(self) -> None:
        self.heads: dict[int, int] = {}
        self._tails: dict[int, int] = {}
        self._group = array("h")
        self._earlier = array("i")
        self._later = array("i")

    def append(self, slots: Sequence[int], group: int) -> None:
        """Enter slots at the end of a group (a number from 0 to 32,767)."""
        reach(max(slots), NOBODY, self._group, self._earlier, self._later)
        for slot in slots:
            self._group[slot] = group
        last = self._tails.get(group, NOBODY)
        chain(slots, last, self._earlier, self._later)
        self._tails[group] = slots[-1]
        if last == NOBODY:
            self.heads[group] = slots[0]

    def append_one(self, slot: int, group: int) -> None:
        """The same as `append`, for one slot that was there before."""
        self._group[slot] = group
        last = self._tails.get(group, NOBODY)
        self._earlier[slot], self._later[slot] = last, NOBODY
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


class Ranks:
    """Groups by order number, with lazy deletion: the first in order comes first, whenever it entered."""

    def __init__(self) -> None:
        self._ranks: dict[int, Rank] = {}
        self._sizes: dict[int, int] = {}
        self._group = array("b")
        # A slot is used again: an entry of the request before, in the same group, must not pass for its own.
        self._order = array("q")

    def put(self, slots: Sequence[int], orders: Sequence[int], group: int) -> None:
        """Enter slots, or move them. `group` is a number from 0 to 127, an order below 2**39."""
        reach(max(slots), NOBODY, self._group, self._order)
        for slot, order in zip(slots, orders, strict=True):
            self.remove(slot)
            self._group[slot], self._order[slot] = group, order
        rank = self._ranks.get(group)
        if rank is None:
            rank = self._ranks[group] = Rank()
        size = self._sizes[group] = self._sizes.get(group, 0) + len(slots)
        rank.push([(order << SLOT_BITS) | slot for slot, order in zip(slots, orders, strict=True)])
        if len(rank) > 2 * size + 64:
            rank.keep(lambda entry: self._holds(entry, group))

    def put_one(self, slot: int, order: int, group: int) -> None:
        """The same as `put`, for one slot that is in no group."""
        rank = self._ranks.get(group)
        if rank is None or slot >= len(self._group):
            self.put((slot,), (order,), group)
            return
        self._group[slot], self._order[slot] = group, order
        size = self._sizes[group] = self._sizes[group] + 1
        rank.push_one((order << SLOT_BITS) | slot)
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

    def add(self, slots: Sequence[int]) -> None:
        reach(max(slots), NOBODY, self._places)
        for place, slot in enumerate(slots, len(self._slots)):
            self._places[slot] = place
        self._slots.extend(slots)

    def add_one(self, slot: int) -> None:
        """The same as `add`, for one slot that was there before."""
        self._places[slot] = len(self._slots)
        self._slots.append(slot)

    def remove(self, slot: int) -> None:
        place, last = self._places[slot], self._slots.pop()
        self._places[slot] = NOBODY
        if last != slot:
            self._slots[place] = last
            self._places[last] = place
