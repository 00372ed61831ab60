"""Looks ahead of the frontier: at requests that the order would keep waiting longest.

Whoever goes by the order alone notices an urgent request, done before its turn, only when the frontier passes its place. Among
requests far ahead of the frontier a poll is worth the probability that this one was done meanwhile, which grows with the time
since it was last asked about, times the seconds until its turn would come. A sweep picks the best of a few random ones by that
product, with the square of the time: who was never asked about comes before who was. How many of the polls it gets follows what
it finds, compared with polls in order: in a queue without exceptions next to none.
"""

from collections.abc import Sequence

from exporter.core.learned.ration import Rate, Ration

# Requests compared for one poll; more would come back to the same places before anything happened there.
CANDIDATES = 6
LARGEST_SHARE, LEAST_SHARE = 0.4, 0.01
# A find ahead of the frontier saves more than one that the next polls in order would make too.
WORTH = 2.0
# Standard deviations of the frontier: nearer ones are asked in order.
NEAR = 2.0
_HOARD = 2.0


class Sweep:
    """The part of the polls that looks ahead, and what it found."""

    def __init__(self) -> None:
        self._ahead, self._in_order = Rate(1.0, 8.0), Rate(2.0, 5.0)
        self._saved = Ration(_HOARD)

    @property
    def share(self) -> float:
        return max(LEAST_SHARE, min(LARGEST_SHARE, WORTH * self._ahead.over(self._in_order)))

    def due(self) -> bool:
        """Whether this poll of those by order is to look ahead; `spend` when it does."""
        self._saved.grow(self.share)
        return self._saved.due

    def spend(self) -> None:
        self._saved.spend()

    def polled(self, *, ahead: bool, found: bool) -> None:
        (self._ahead if ahead else self._in_order).saw(found)


def farthest(candidates: Sequence[tuple[int, float, float]]) -> int | None:
    """Of (slot, place of the frontier relative to it in standard deviations, seconds since it was last asked about) the slot
    that is worth most; None where all are near the frontier."""
    worth = {slot: (-NEAR - place) * unasked**2 for slot, place, unasked in candidates}
    best = max(worth, key=worth.__getitem__, default=None)
    return best if best is not None and worth[best] > 0 else None
