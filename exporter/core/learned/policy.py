"""What to poll next for one account: the request whose answer is expected to save most delay."""

from array import array
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from math import inf
from random import Random
from typing import Any

from exporter.core.columns import reach
from exporter.core.learned.pacer import Pacer
from exporter.core.learned.pick import Circumstances, Kind, Pick
from exporter.core.learned.promise import EFFORTS
from exporter.core.learned.stream import Stream
from exporter.core.recency import NOBODY
from exporter.core.schedule import Undetected, Unfinished

# The pace of late changes so little with one poll that it is taken as the same for so many, if nothing else changes.
_KNOWN_POLLS = 8
# Seconds between two polls: of those that are made at once, too.
_LEAST_GAP = 1e-3


class Learned:
    """A Policy. Every API has models of its own; they compete for the account's calls by what a poll is worth to each."""

    def __init__(
        self, *, rate: float, burst: float, effort: str, max_staleness: float, random: Random, now: float
    ) -> None:
        self.streams: dict[str, Stream] = {}
        self.reason: str = Kind.CHOSEN
        self._pacer = Pacer(rate=rate, burst=burst, now=now)
        self._effort = EFFORTS[effort]
        self._max_staleness = max_staleness
        self._random = random
        self._numbered: list[Stream] = []
        self._homes = array("b")
        self._paused: list[tuple[float, int]] = []
        # A slot may be used again while the pause of its last request is still among `_paused`.
        self._pauses: dict[int, float] = {}
        self._gap = 1 / rate
        self._polled_at: float | None = None
        self._idle_until = 0.0
        self._known = Circumstances(rate, 0.0, 0, max_staleness)
        self._known_polls = 0

    def pace(self, rate: float) -> None:
        """The calls/s that the budget allows now."""
        self._pacer.rate = rate

    def blocked(self, until: float) -> None:
        """The budget allows no call before `until`."""
        self._pacer.blocked(until)

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], *, now: float) -> None:
        stream = self._stream(requests[0].api)
        reach(max(slots), NOBODY, self._homes)
        home = self._numbered.index(stream)
        for slot in slots:
            self._homes[slot] = home
        stream.add(slots, requests, now)
        self._idle_until = min(self._idle_until, now + 0.25)

    def forget(self, slot: int) -> None:
        self._pauses.pop(slot, None)
        stream = self._leave(slot)
        if stream is not None:
            stream.forget(slot)

    def unfinished(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        """A poll sent at `sent` showed the request unfinished."""
        stream = self._home(slot)
        if stream is not None:
            stream.unfinished_at(slot, sent, erring=erring)

    def unchanged(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        """A poll sent at `sent` showed the request unfinished, and it may be picked again."""
        stream = self._home(slot)
        if stream is not None:
            if self._pauses:
                self._pauses.pop(slot, None)
            stream.unfinished_at(slot, sent, erring=erring)
            stream.back(slot, now)

    def again(self, slot: int, *, now: float, not_before: float = 0.0) -> None:
        """The request may be picked again, not before `not_before`."""
        stream = self._home(slot)
        if stream is None:
            return
        if self._pauses and stream.asking(slot):
            self._pauses.pop(slot, None)
        if not_before <= now:
            stream.back(slot, now)
        elif stream.asking(slot):
            heappush(self._paused, (not_before, slot))
            self._pauses[slot] = not_before

    def finished(self, slot: int, *, now: float) -> None:
        """An answer that arrived at `now` showed the request finished."""
        self._pauses.pop(slot, None)
        stream = self._leave(slot)
        if stream is not None:
            stream.finished_by(slot, now, round_time=self._round_time(self._unfinished()))

    def next(self, now: float) -> int | None:
        """Pick the slot to poll now; None when none is due, or none worth a call."""
        if self._paused:
            self._release(now)
        if not self._pacer.ready(now):
            return None
        circumstances = self._circumstances()
        chosen: Stream | None = None
        best: Pick | None = None
        for stream in self._numbered:
            pick = stream.pick(now, circumstances)
            if pick is not None and (best is None or pick.worth > best.worth):
                chosen, best = stream, pick
        if chosen is None or best is None:
            waits = [stream.soon(now, circumstances) for stream in self._numbered if stream.waiting]
            self._idle_until = now + min(waits, default=0.2)
            return None
        self.reason = best.kind
        chosen.take(best)
        self._spend(now)
        return best.slot

    def due(self) -> float | None:
        """When `next` may have something; None when nothing is left."""
        paused = self._pause_ends() if self._paused else inf
        for stream in self._numbered:
            if stream.waiting:
                due = self._pacer.due()
                if due < self._idle_until:
                    due = self._idle_until
                return due if due < paused else paused
        return None if paused == inf else paused

    def place(self, slot: int, lower: float, upper: float) -> float:
        """When the request most plausibly finished, given that it did in (lower, upper]."""
        stream = self._home(slot)
        return (lower + upper) / 2 if stream is None else stream.place(slot, lower, upper)

    def undetected(self, api: str) -> Undetected | None:
        stream = self.streams.get(api)
        return None if stream is None else stream.undetected()

    def queue_speed(self, api: str, per_second: float, *, now: float) -> None:
        """The vendor's own figure of how many requests the queue of an API processes a second."""
        stream = self.streams.get(api)
        if stream is not None:
            stream.queue_speed(per_second, now)

    def state(self) -> dict[str, Any]:
        return {api: stream.state() for api, stream in self.streams.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what an earlier process learned; what can't be read is left out. Before requests are added."""
        for api, learned in state.items():
            self._stream(api).restore(learned)

    def _stream(self, api: str) -> Stream:
        found = self.streams.get(api)
        if found is None:
            found = self.streams[api] = Stream(self._random, self._effort)
            self._numbered.append(found)
        return found

    def _home(self, slot: int) -> Stream | None:
        """Where the request in this slot is looked after; None where nobody knows of it."""
        home = self._homes[slot] if slot < len(self._homes) else NOBODY
        return None if home == NOBODY else self._numbered[home]

    def _leave(self, slot: int) -> Stream | None:
        stream = self._home(slot)
        if stream is not None:
            self._homes[slot] = NOBODY
        return stream

    def _circumstances(self) -> Circumstances:
        rate, unfinished, known = self._pacer.rate, self._unfinished(), self._known
        if self._known_polls > 0 and known.unfinished == unfinished and known.rate == rate:
            self._known_polls -= 1
            return known
        round_time, contested = self._round_time(unfinished), len(self._numbered) > 1
        found = Circumstances(rate, round_time, unfinished, self._max_staleness, contested)
        self._known, self._known_polls = found, _KNOWN_POLLS
        return found

    def _round_time(self, unfinished: int) -> float:
        """The seconds in which every unfinished request could be asked once at the pace of late."""
        rate, made = self._pacer.rate, 1 / self._gap
        return unfinished / (rate if rate < made else made)

    def _unfinished(self) -> int:
        unfinished = 0
        for stream in self._numbered:
            unfinished += stream.unfinished
        return unfinished

    def _release(self, now: float) -> None:
        while self._pause_ends() <= now:
            _, slot = heappop(self._paused)
            del self._pauses[slot]
            stream = self._home(slot)
            if stream is not None:
                stream.back(slot, now)

    def _pause_ends(self) -> float:
        """When the first pause ends that still counts; inf without any."""
        while self._paused:
            until, slot = self._paused[0]
            if self._pauses.get(slot) == until:
                return until
            heappop(self._paused)
        return inf

    def _spend(self, now: float) -> None:
        self._pacer.spend()
        if self._polled_at is not None:
            gap = now - self._polled_at
            self._gap += 0.01 * ((gap if gap > _LEAST_GAP else _LEAST_GAP) - self._gap)
        self._polled_at = now
