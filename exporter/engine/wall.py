"""The wall clock beside the steady one: when it was set, and what the times that are kept mean since."""

import asyncio
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

from exporter.clock import TOLERANCE, Boot, Clock
from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.request import Record, State
from exporter.core.shift import change_on, record_on, restored
from exporter.errors import StoreError
from exporter.log import get_logger
from exporter.store.store import Store

# No source can have this name, so that no source's cursors are meant.
OWNER, PART = "wall clock", "settings"
LOOK_SECONDS = 1.0
# A clock that is set more often than that while requests last is no clock.
_MOST = 200

log = get_logger(__name__)


class ClockMeter(Protocol):
    def clock_step(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Setting:
    """Requests from this number of intake on were taken in while the wall clock was set so: `offset` is that of Boot."""

    first: int
    offset: float


@dataclass(frozen=True, slots=True)
class Past:
    """The wall clock was set so until this second of the boot."""

    until: float
    offset: float


class Wall:
    """Keeps how the clock was set, by the name of the machine's boot: only within one boot can two processes compare.

    The store has the times that the wall clock showed. A clock that was set since would make them ages that are wrong by the
    step; so they are read by the setting under which they were noted.
    """

    def __init__(self, clock: Clock, *, store: Store, meter: ClockMeter) -> None:
        self.known = False
        self._clock = clock
        self._store = store
        self._meter = meter
        # What the clock was set to at the last look, by this process or by an earlier one.
        self._offset: float | None = None
        self._settings: list[Setting] = []
        self._past: list[Past] = []
        self._numbered = 0
        self._saved: str | None = None

    def load(self, cursors: Mapping[tuple[str, str], str]) -> None:
        """What an earlier process kept. `known` tells whether it ran on this boot: how long ago it noted something is then known
        exactly."""
        boot, self._saved = self._clock.boot(), cursors.get((OWNER, PART), "")
        if boot is not None and (found := _read(self._saved, boot)) is not None:
            self._offset, self._settings, self._past = found
            self.known = True

    def since(self) -> float:
        """By how much the steady clock is ahead of the wall clock that an earlier process ended with."""
        return -self._clock.ahead() if self._offset is None else self._steady() - self._offset

    def restored(self, record: Record) -> Record:
        """A request as it was stored, by the steady clock."""
        offset = self._offset_at(record.sequence)
        taken_in = -self._clock.ahead() if offset is None else self._steady() - offset
        return restored(record, taken_in=_noticeable(taken_in), since=_noticeable(self.since()), now=self._clock.now())

    def dated(self, changes: Iterable[Change]) -> Sequence[Change]:
        """As the store keeps them. With its end all times of a request become those of one clock."""
        ahead = self._clock.ahead()
        moved = [change_on(change, ahead) for change in changes]
        return [self._with_intake(change) for change in moved] if self.was_set else moved

    def dated_intake(self, stored: Record, known: Record) -> Record:
        """`known`, by the wall clock as it is set now, or with the times of its intake as they are stored, where nobody can tell by
        which clock these were told."""
        if self._is_past(stored.sequence):
            return known
        return known._replace(submitted=stored.submitted, first_seen=stored.first_seen)

    def on_the_wall(self, record: Record) -> Record:
        return record_on(record, self._clock.ahead())

    @property
    def was_set(self) -> bool:
        """Whether what is stored may have times of another setting than that of now."""
        return bool(self._past) or self._clock.ahead() != 0.0

    def furthest_ahead(self) -> float:
        """By how much the wall clock was ahead, at most, of what it is set to now while what is stored was taken in."""
        now = self._steady() + self._clock.ahead()
        offsets = (*(one.offset for one in self._settings), *(one.offset for one in self._past))
        return max((0.0, *(offset - now for offset in offsets)))

    def lowest(self, since: float) -> float:
        """By how much the wall clock was ahead of the steady one, at least, at any time since then by the steady clock."""
        steady, ahead = self._steady(), self._clock.ahead()
        return min((ahead, *(one.offset - steady for one in self._past if one.until >= since - steady)))

    def note(self, first: int, last: int, ahead: float) -> None:
        """Requests of these numbers were taken in with times of a wall clock that was so far ahead."""
        offset = self._steady() + ahead
        latest = self._settings[-1] if self._settings else None
        if latest is not None and latest.first <= first and abs(latest.offset - offset) <= TOLERANCE:
            self._numbered = max(self._numbered, last)
            return
        self._insert(first, last, offset)
        self._numbered = max(self._numbered, last)
        del self._settings[:-_MOST]

    async def run(self, on_step: Callable[[float], None]) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if step := self.look():
                on_step(step)
            await self.save()

    def look(self) -> float:
        """By how many seconds the clock was set since the last look, or since the earlier process where that is known; 0.0 where
        it was not."""
        former, offset = self._offset, self._steady() + self._clock.ahead()
        self._offset = offset
        step = 0.0 if former is None else offset - former
        if former is None or abs(step) <= TOLERANCE:
            return 0.0
        self._past = [*self._past[1 - _MOST :], Past(self._clock.now() - self._steady(), former)]
        log.warning("the system's clock was set", seconds=round(step, 3))
        self._meter.clock_step(abs(step))
        return step

    async def save(self) -> None:
        """Where something is new. Not to have it makes the ages of what is pending wrong after a restart, and nothing else."""
        boot = self._clock.boot()
        text = "" if boot is None else _written(boot.name, self._offset, self._settings, self._past)
        if text == self._saved:
            return
        try:
            await self._store.admit([], [Cursor(source=OWNER, part=PART, position=text)])
        except StoreError as error:
            log.warning("how the clock is set can't be stored", error=str(error))
        else:
            self._saved = text

    def _with_intake(self, change: Change) -> Change:
        record = change.record
        if record.state is State.PENDING or not self._is_past(record.sequence):
            return change
        return change._replace(dates_intake=True)

    def _is_past(self, sequence: int) -> bool:
        """Whether the wall clock was set otherwise when the request of this number was taken in."""
        offset = self._offset_at(sequence)
        return offset is not None and abs(self._steady() + self._clock.ahead() - offset) > TOLERANCE

    def _offset_at(self, sequence: int) -> float | None:
        """None for what an earlier boot has taken in."""
        place = bisect_right(self._settings, sequence, key=lambda one: one.first)
        return self._settings[place - 1].offset if place else None

    def _steady(self) -> float:
        """What the steady clock shows beyond the seconds since the boot."""
        boot = self._clock.boot()
        return 0.0 if boot is None else boot.offset - self._clock.ahead()

    def _insert(self, first: int, last: int, offset: float) -> None:
        """An intake that was on its way when the clock was set may be told of after later ones."""
        place = bisect_right(self._settings, first, key=lambda one: one.first)
        added = [Setting(first, offset)]
        if last < self._numbered and place and not any(one.first == last + 1 for one in self._settings):
            added.append(Setting(last + 1, self._settings[place - 1].offset))
        self._settings[place:place] = added


def _noticeable(seconds: float) -> float:
    """Not worth a new record for each of a million requests, as what calls were spent is worth it."""
    return seconds if abs(seconds) > TOLERANCE else 0.0


def _written(boot: str, offset: float | None, settings: list[Setting], past: list[Past]) -> str:
    kept = {
        "boot": boot,
        "offset": offset,
        "taken_in": [[one.first, one.offset] for one in settings],
        "past": [[one.until, one.offset] for one in past],
    }
    return json.dumps(kept, separators=(",", ":"))


def _read(text: str, boot: Boot) -> tuple[float, list[Setting], list[Past]] | None:
    """None where the text is of another boot, or none of ours."""
    try:
        found = json.loads(text or "{}")
        offset = float(found["offset"])
        settings = [Setting(int(first), float(one)) for first, one in found["taken_in"]]
        past = [Past(float(until), float(one)) for until, one in found["past"]]
        offsets = (offset, *(one.offset for one in settings), *(one.offset for one in past))
        fits = found["boot"] == boot.name and all(map(isfinite, offsets))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return (offset, settings, past) if fits else None
