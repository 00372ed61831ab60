"""How the columns of the requests in memory grow."""

from array import array
from typing import Any

# Slots at once: growing each of a dozen columns by one slot for every request took an eighth of the time of its intake.
ROOM = 256


def reach(slot: int, filler: float, *columns: "array[Any]") -> None:
    """Let columns that grow together have room for a slot, and for some of those that come next."""
    if slot < len(columns[0]):
        return
    for column in columns:
        if slot >= len(column):
            # An array, because from a list each value would be taken over by itself.
            column.extend(array(column.typecode, (filler,)) * (slot + ROOM - len(column)))
