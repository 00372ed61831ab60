"""Reads messages, hands them in, and lets go of them when they are durable."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.config import settings
from exporter.core.cursor import Cursor
from exporter.errors import InvalidEntry
from exporter.sources.document import without_doubles
from exporter.sources.environment import Environment
from exporter.sources.groups import LeftOut, Messages
from exporter.sources.redis.connection import connected
from exporter.sources.redis.gaps import Gap, Gaps
from exporter.sources.redis.inlet import Inlet, Message, Poison
from exporter.sources.redis.queue import Queue
from exporter.sources.redis.report import Report
from exporter.sources.redis.stream import Stream
from exporter.sources.source import Entry

# Longer than a read waits for something new.
ANSWER_SECONDS = 15.0
_DOUBLE = "the field {} is given twice in one entry"


@dataclass(frozen=True, slots=True)
class _Good:
    """A message that fits, and how many entries there are up to its last one."""

    message: Message
    end: int


@dataclass(frozen=True, slots=True)
class _Sorted:
    """What was read, by what becomes of it; `gone` are those that the stream no longer holds."""

    entries: list[Entry] = field(default_factory=list)
    good: list[_Good] = field(default_factory=list)
    poisons: list[Poison] = field(default_factory=list)
    gone: list[Message] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)


class RedisSource:
    """After any trouble it waits, connects anew and begins with what was read before and is not done.

    While the intake has no room nothing is kept here: what it took is let go of, and the other entries stay pending at Redis,
    where another consumer may claim them, and are asked for again. `kept` is what the store has of the gaps of its group.
    """

    def __init__(self, source: settings.RedisSource, environment: Environment, *, kept: str | None = None) -> None:
        self.name = source.name
        self._source = source
        self._environment = environment
        self._retry = environment.retry(source)
        self._delivery = environment.delivery(source)
        self._report = Report(source.name, environment.health)
        self._gaps = Gaps(kept)
        self._kept = kept
        self._has_told = False

    async def run(self) -> None:
        await self._retry.forever(self._work)

    async def _work(self) -> None:
        async with connected(self._source.url, self._source.key) as client:
            inlet = self._inlet(client)
            async with asyncio.timeout(ANSWER_SECONDS):
                await inlet.open()
            if self._gaps.is_blind:
                self._report.blind()
            if self._has_told or self._kept is None:
                await self._keep()
            while True:
                async with asyncio.timeout(ANSWER_SECONDS):
                    messages = await inlet.read()
                await self._take(inlet, messages)
                self._retry.well()

    def _inlet(self, client: Any) -> Inlet:
        if not self._source.is_stream:
            return Queue(self._source, client)
        monotonic = self._environment.monotonic
        return Stream(self._source, client, gaps=self._gaps, tell=self._tell, monotonic=monotonic)

    def _tell(self, gap: Gap) -> None:
        self._report.gap(gap)
        self._has_told = True

    async def _take(self, inlet: Inlet, messages: Sequence[Message]) -> None:
        """How far the group is gets kept with what was read, or before: right after a gap was told, which a restart must not tell
        again, and before anything is let go of, by which a restart counts."""
        found = self._sorted(messages)
        if self._has_told or found.poisons or found.gone:
            await self._keep()
        await self._put_aside(inlet, found)
        self._environment.tell_left_out(self._source, found.left_out)
        cursors = self._cursors() if messages else []
        good: Sequence[_Good] = found.good
        taken = 0
        async for batch in self._delivery.offer(found.entries, cursors):
            taken += len(batch)
            self._retry.moved()
            if taken < len(found.entries):
                await self._keep()
            good = await self._let_go(inlet, good, taken)
        self._kept = cursors[0].position if cursors else self._kept
        await self._let_go(inlet, good, taken)

    def _cursors(self) -> list[Cursor]:
        """None where nothing has changed."""
        position = self._gaps.position
        if position == self._kept:
            return []
        return [Cursor(source=self._source.owner, part=self._source.part, position=position)]

    async def _keep(self) -> None:
        if cursors := self._cursors():
            await self._environment.intake.accept(self.name, [], cursors)
            self._kept = cursors[0].position
        self._has_told = False

    async def _put_aside(self, inlet: Inlet, found: _Sorted) -> None:
        """Told before: where the answer to it is lost, nothing of it is read again."""
        if found.poisons:
            self._report.poisons(found.poisons, moved_to=inlet.poison_key)
            async with asyncio.timeout(ANSWER_SECONDS):
                await inlet.put_aside(found.poisons)
            self._report.let_go([poison.message for poison in found.poisons])
        if found.gone:
            self._report.gone(found.gone)
            async with asyncio.timeout(ANSWER_SECONDS):
                await inlet.done(found.gone)
            self._report.let_go(found.gone)

    async def _let_go(self, inlet: Inlet, good: Sequence[_Good], taken: int) -> Sequence[_Good]:
        """Those of which everything is durable; the others are left."""
        done = [one.message for one in good if one.end <= taken]
        if done:
            async with asyncio.timeout(ANSWER_SECONDS):
                await inlet.done(done)
        return good[len(done) :]

    def _sorted(self, messages: Sequence[Message]) -> _Sorted:
        reader = Messages(self._environment.terms(self._source))
        found = _Sorted()
        for message in messages:
            if message.content is None:
                found.gone.append(message)
                continue
            try:
                found.entries.extend(self._parse(message, reader))
            except InvalidEntry as error:
                found.poisons.append(Poison(message, "; ".join(error.details) or str(error)))
            else:
                found.good.append(_Good(message, len(found.entries)))
        found.left_out.join(reader.left_out)
        return found

    def _parse(self, message: Message, reader: Messages) -> list[Entry]:
        """Raises InvalidEntry."""
        content = message.content or ()
        if isinstance(content, str):
            return reader.text(content, message.where)
        payload = self._source.payload
        # Other fields beside a payload are the application's own.
        fields = [pair for pair in content if pair[0] == payload] or content
        given = without_doubles(fields, told=_DOUBLE)
        return reader.text(given[payload], message.where) if payload in given else [reader.fields(given, message.where)]
