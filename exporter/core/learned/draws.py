"""Polls of requests drawn at random: to estimate what nobody has noticed yet, and to look ahead of the frontier."""

from exporter.core.learned.durations import SHORTEST_GAP
from exporter.core.learned.frontier import Frontier
from exporter.core.learned.pool import Pool
from exporter.core.learned.probes import Probes
from exporter.core.learned.roster import Peers, Roster
from exporter.core.learned.sweep import CANDIDATES, Sweep, farthest

# Nobody is asked twice within this time without an occasion.
_RESTED = 3 * SHORTEST_GAP


class Draws:
    """The two rations of such polls, and whom they go to. A draw that finds nobody costs nothing of them."""

    def __init__(self, roster: Roster, pool: Pool) -> None:
        self.probes = Probes()
        self.sweep = Sweep()
        self._roster = roster
        self._pool = pool

    def probe(self, now: float) -> int | None:
        if not self.probes.owed.due:
            return None
        slot = self._pool.anybody()
        if now - self._roster.since(slot) < _RESTED:
            return None
        self.probes.owed.spend()
        return slot

    def ahead(self, now: float, frontier: Frontier) -> int | None:
        if not self.sweep.due():
            return None
        roster = self._roster
        slots = [self._pool.anybody() for _ in range(CANDIDATES)]
        unasked = {slot: now - roster.since(slot) for slot in slots if roster.peers[slot] == Peers.FRESH}
        found = farthest(
            [
                (slot, frontier.place(roster.order[slot], now), seconds)
                for slot, seconds in unasked.items()
                if seconds >= _RESTED
            ]
        )
        if found is not None:
            self.sweep.spend()
        return found
