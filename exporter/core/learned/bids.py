"""What a poll of each head is worth at most, and until when: so that a pick need not value them all.

What a poll is worth grows with time, so a bound holds for a while. A pick goes through some dozen heads, and values only those
whose bound exceeds the best so far.
"""

from collections.abc import Callable, Sequence
from math import exp

from exporter.core.learned.checks import Bound


class Bids:
    """Bounds by slot; `bid` makes one, with times instead of ages."""

    def __init__(self, bid: Callable[[int, float], Bound]) -> None:
        self._bid = bid
        self._bids: dict[int, Bound] = {}

    def bounds(self, slots: Sequence[int], now: float) -> list[float]:
        """What a poll of each of them now is worth at most."""
        bids, found = self._bids, []
        for slot in slots:
            bid = bids.get(slot)
            if bid is None or bid[0] <= now:
                bid = bids[slot] = self._bid(slot, now)
            until, bound, growth, least = bid
            if growth:
                bound *= exp(growth * (now - until))
                if bound < least:
                    bound = least
            found.append(bound)
        return found

    def drop(self, slot: int) -> None:
        """It was polled, or is gone."""
        self._bids.pop(slot, None)

    def clear(self) -> None:
        """What a poll is worth has changed."""
        self._bids.clear()
