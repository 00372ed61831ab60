"""Which slot was asked about longest ago, at 8 bytes a slot and O(1) a touch."""

from array import array

from exporter.core.columns import ROOM

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

    def append(self, slot: int) -> None:
        """Add a slot as the most recent."""
        if slot >= len(self._later):
            missing = slot + ROOM - len(self._later)
            self._earlier.extend([NOBODY] * missing)
            self._later.extend([NOBODY] * missing)
        self._earlier[slot], self._later[slot] = self._last, NOBODY
        if self._last == NOBODY:
            self._first = slot
        else:
            self._later[self._last] = slot
        self._last = slot

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
        if slot != self._last:
            self.remove(slot)
            self.append(slot)
