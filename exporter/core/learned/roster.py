"""What is known of each request, in columns by slot. All times are seconds since the epoch."""

from array import array
from collections.abc import Sequence
from math import nan

from exporter.core.columns import reach
from exporter.core.schedule import Unfinished

_UNORDERED = -1


class Peers:
    """What a request is compared with. FRESH ones have an order; for ERRING ones the vendor retries."""

    FRESH, ERRING, UNDATED, UNORDERED = range(4)


class Roster:
    """Columns; they keep what they hold of a request that has left until its slot is used again.

    origin    submission, or first sight where unknown
    clock     from when its age counts: the origin, or the last error
    asked     when a poll last showed it unfinished; nan before the first
    order     position in the order of submission
    peers     what it is compared with
    """

    def __init__(self) -> None:
        self.origin, self.clock, self.asked = array("d"), array("d"), array("d")
        self.order, self.peers = array("q"), array("b")

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], now: float) -> None:
        highest = max(slots)
        reach(highest, nan, self.origin, self.clock, self.asked)
        reach(highest, _UNORDERED, self.order, self.peers)
        for slot, (_, origin, dated, order, asked, erring) in zip(slots, requests, strict=True):
            self.origin[slot], self.clock[slot] = origin, now if erring else origin
            self.asked[slot] = nan if asked is None else asked
            self.order[slot] = _UNORDERED if order is None else order
            self.peers[slot] = Peers.ERRING if erring else _fresh_peers(order, dated=dated)

    def unfinished(self, slot: int, sent: float, *, erring: bool) -> None:
        """A poll sent at `sent` showed it unfinished."""
        if erring != (self.peers[slot] == Peers.ERRING):
            # Whether it was dated matters no more after an error: its age at the next finish is long.
            calm = Peers.UNORDERED if self.order[slot] == _UNORDERED else Peers.FRESH
            self.peers[slot] = Peers.ERRING if erring else calm
            self.clock[slot] = sent if erring else self.origin[slot]
        self.asked[slot] = sent

    def since(self, slot: int) -> float:
        """When the request was last asked about; its submission, or first sight, where never."""
        asked = self.asked[slot]
        return self.origin[slot] if asked != asked else asked

    def unseen(self, slot: int, now: float) -> float | None:
        """Seconds since a poll showed the request unfinished; None before the first."""
        asked = self.asked[slot]
        return None if asked != asked else now - asked

    def age(self, slot: int, now: float) -> float:
        age = now - self.clock[slot]
        return age if age > 0 else 0.0

    def seen_age(self, slot: int) -> float:
        """The age up to which it is known to be unfinished."""
        seen = self.asked[slot] - self.clock[slot]
        return seen if seen > 0 else 0.0


def _fresh_peers(order: int | None, *, dated: bool) -> int:
    if not dated:
        return Peers.UNDATED
    return Peers.UNORDERED if order is None else Peers.FRESH
