"""Which slot was asked about longest ago, at 8 bytes a slot and O(1) a touch."""

from array import array
from collections.abc import Sequence

from exporter.core.columns import reach

NOBODY = -1


class Recency:
    """A doubly linked list through two arrays, from the least to the most recently touched slot."""

    def __init__(self) -> None:
        self._earlier = array("i")
        self._later = array("i")
        self._first = NOBODY
        self._last = NOBODY

    @property
    def first(self) -> int | None:
        """The slot touched longest ago; None when empty."""
        return None if self._first == NOBODY else self._first

    def append(self, slots: Sequence[int]) -> None:
        """Add slots, the last one as the most recent."""
        reach(max(slots), NOBODY, self._earlier, self._later)
        chain(slots, self._last, self._earlier, self._later)
        if self._last == NOBODY:
            self._first = slots[0]
        self._last = slots[-1]

    def remove(self, slot: int) -> None:
        earlier, later = self._earlier[slot], self._later[slot]
        if earlier == NOBODY:
            self._first = later
        else:
            self._later[earlier] = later
        if later == NOBODY:
            self._last = earlier
        else:
            self._earlier[later] = earlier

    def touch(self, slot: int) -> None:
        last = self._last
        if slot == last:
            return
        earlier, later = self._earlier[slot], self._later[slot]
        # It is not the last, so that one comes behind it.
        self._earlier[later] = earlier
        if earlier == NOBODY:
            self._first = later
        else:
            self._later[earlier] = later
        self._earlier[slot], self._later[slot] = last, NOBODY
        self._later[last] = slot
        self._last = slot

    def append_one(self, slot: int) -> None:
        """Add a slot that was there before, as the most recent: the same as `append`, for one at a time."""
        last = self._last
        self._earlier[slot], self._later[slot] = last, NOBODY
        if last == NOBODY:
            self._first = slot
        else:
            self._later[last] = slot
        self._last = slot


def chain(slots: Sequence[int], last: int, earlier: "array[int]", later: "array[int]") -> None:
    """Link slots one behind the other, the first of them behind `last` (NOBODY where there is none)."""
    for slot in slots:
        earlier[slot] = last
        if last != NOBODY:
            later[last] = slot
        last = slot
    later[last] = NOBODY
