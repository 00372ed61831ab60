"""Small honest parts for the tests of the sources: an intake that keeps what it takes, a health that remembers, a clock."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from exporter import clock
from exporter.core.cursor import Cursor
from exporter.errors import ExporterError, IntakeFull, InvalidEntry
from exporter.sources.source import Accepted, Entry, trouble_of

NOW = 1_770_000_000.0  # 2026-02-02T02:40:00Z
FIRST = "7ba60ab0-7054-4856-8590-1b5a9f904ad1"
SECOND = "7ba60ab0-7054-4856-8590-1b5a9f904ad2"


@dataclass
class Clock(clock.Clock):
    time: float = NOW
    set_ahead: float = 0.0

    def now(self) -> float:
        return self.time

    def ahead(self) -> float:
        return self.set_ahead


class MemoryIntake:
    """Takes each RequestID once. `refusals` are raised first, one a call; there is room for `room` in all."""

    def __init__(self, *refusals: ExporterError, room: int | None = None) -> None:
        self.room = room
        self.entries: list[Entry] = []
        self.calls: list[tuple[str, int]] = []
        self.positions: dict[str, str | None] = {}
        self.refusals = list(refusals)
        self.called = asyncio.Event()

    @property
    def ids(self) -> list[str]:
        return [entry.request_id for entry in self.entries]

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted:
        if self.refusals:
            raise self.refusals.pop(0)
        known = set(self.ids)
        new = list({entry.request_id: entry for entry in entries if entry.request_id not in known}.values())
        if new and self.room is not None and len(known) + len(new) > self.room:
            raise IntakeFull(f"{len(known)} requests are pending")
        self.calls.append((source, len(entries)))
        self.entries += new
        self.positions |= {cursor.part: cursor.position for cursor in cursors}
        self.called.set()
        return Accepted(len(new), len(entries) - len(new))


@dataclass
class Health:
    """The story of one source, in words, and the kinds of its errors as the metrics have them."""

    story: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def up(self, source: str) -> None:
        if self.story[-1:] != [f"{source} up"]:
            self.story.append(f"{source} up")

    def down(self, source: str, error: Exception) -> None:
        self.kinds.append(trouble_of(error))
        details = getattr(error, "details", [])
        self.story.append(f"{source} down: {'; '.join([str(error), *details])}")

    def refused(self, source: str, error: InvalidEntry, count: int = 1) -> None:
        self.kinds.append(trouble_of(error))
        self.story.append(f"{source} refused {count}: {'; '.join([str(error), *error.details])}")


@dataclass
class Naps:
    """A sleep that takes no time; it ends by cancelling the sleeper after `most` naps."""

    most: int = 100
    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) >= self.most:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


class Steady(Random):
    """No jitter: always the largest value."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


async def at_once(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Runs here what would otherwise run in a thread."""
    return function(*args, **kwargs)
