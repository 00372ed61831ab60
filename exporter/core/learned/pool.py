"""The requests that can be picked, lined up for each way of picking one."""

from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

from exporter.core.learned.bins import BINS
from exporter.core.learned.frontier import Frontier
from exporter.core.learned.lineup import Chains, Crowd, Ranks
from exporter.core.learned.roster import Peers, Roster
from exporter.core.parts import grouped
from exporter.core.recency import Recency

_AGES_A_GROUP = 6
_AGE_BITS = 8
_FRESH = Peers.FRESH


class Pool:
    """Whoever is not out. The lineups: anybody at random, by turn, by the ages at the last poll, by order."""

    def __init__(self, roster: Roster, random: Random) -> None:
        self._roster = roster
        self._random = random
        self._crowd = Crowd()
        self._turns = Recency()
        self._ages = Chains()
        self._ranks = Ranks()

    @property
    def first(self) -> int | None:
        """Who was not asked about for longest."""
        return self._turns.first

    def anybody(self) -> int:
        return self._crowd[int(self._random.random() * len(self._crowd))]

    def by_age(self) -> Sequence[int]:
        """Whoever may be worth most by its age."""
        return list(self._ages.heads.values())

    def by_order(self) -> Iterator[int]:
        """Whoever may be worth most by its order."""
        return self._ranks.heads()

    def without_order(self) -> Sequence[int]:
        """Whoever may be worth most by its age, of those that have no order."""
        return [slot for group, slot in self._ages.heads.items() if group >> _AGE_BITS != Peers.FRESH]

    def enter(self, slots: Sequence[int], now: float, frontier: Frontier | None) -> None:
        self._crowd.add(slots)
        self._turns.append(slots)
        for group, members in grouped(slots, self._age_group).items():
            self._ages.append(members, group)
        roster = self._roster
        fresh = [slot for slot in slots if roster.peers[slot] == Peers.FRESH]
        if not fresh:
            return
        for group, members in grouped(fresh, partial(self._rank_group, now, frontier)).items():
            self._ranks.put(members, [roster.order[slot] for slot in members], group)

    def enter_one(self, slot: int, now: float, frontier: Frontier | None) -> None:
        """The same as `enter`, for one slot that was there before."""
        self._crowd.add_one(slot)
        self._turns.append_one(slot)
        self._ages.append_one(slot, self._age_group(slot))
        roster = self._roster
        if roster.peers[slot] == _FRESH:
            self._ranks.put_one(slot, roster.order[slot], self._rank_group(now, frontier, slot))

    def leave(self, slot: int) -> bool:
        """Whether it was there."""
        if slot not in self._crowd:
            return False
        self._crowd.remove(slot)
        self._turns.remove(slot)
        self._ages.remove(slot)
        self._ranks.remove(slot)
        return True

    def _age_group(self, slot: int) -> int:
        roster = self._roster
        group = roster.peers[slot] << _AGE_BITS
        asked = roster.asked[slot]
        return group if asked != asked else group | (BINS.of(roster.seen_age(slot)) // _AGES_A_GROUP)

    def _rank_group(self, now: float, frontier: Frontier | None, slot: int) -> int:
        asked = self._roster.asked[slot]
        if frontier is None or asked != asked:
            return 0
        place = frontier.place(self._roster.order[slot], now)
        if place < -4:
            return 0
        return 17 + int(place * 4) if place < 4 else 33
