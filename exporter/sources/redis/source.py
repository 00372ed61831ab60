"""Reads messages, hands them in, and lets go of them when they are durable."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exporter.config import settings
from exporter.errors import InvalidEntry
from exporter.log import get_logger
from exporter.sources.environment import Environment
from exporter.sources.groups import LeftOut, Messages
from exporter.sources.mistakes import MOST_SHOWN
from exporter.sources.redis.connection import connected
from exporter.sources.redis.inlet import Inlet, Message, Poison
from exporter.sources.redis.queue import Queue
from exporter.sources.redis.stream import Stream
from exporter.sources.source import Entry

# Longer than a read waits for something new.
ANSWER_SECONDS = 15.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Good:
    """A message that fits, and how many entries there are up to its last one."""

    message: Message
    end: int


class RedisSource:
    """After any trouble it waits, connects anew and begins with what was read before and is not done.

    While the intake has no room nothing is kept here: what it took is let go of, and the other entries stay pending at Redis,
    where another consumer may claim them, and are asked for again.
    """

    def __init__(self, source: settings.RedisSource, environment: Environment) -> None:
        self.name = source.name
        self._source = source
        self._environment = environment
        self._retry = environment.retry(source)
        self._delivery = environment.delivery(source)

    async def run(self) -> None:
        await self._retry.forever(self._work)

    async def _work(self) -> None:
        async with connected(self._source.url) as client:
            inlet = self._inlet(client)
            async with asyncio.timeout(ANSWER_SECONDS):
                await inlet.open()
            while True:
                async with asyncio.timeout(ANSWER_SECONDS):
                    messages = await inlet.read()
                await self._take(inlet, messages)
                self._retry.well()

    def _inlet(self, client: Any) -> Inlet:
        if self._source.is_stream:
            return Stream(self._source, client, monotonic=self._environment.monotonic)
        return Queue(self._source, client)

    async def _take(self, inlet: Inlet, messages: Sequence[Message]) -> None:
        entries, good, poisons, left_out = self._sorted(messages)
        if poisons:
            async with asyncio.timeout(ANSWER_SECONDS):
                await inlet.put_aside(poisons)
            self._report(inlet, poisons)
        self._environment.tell_left_out(self._source, left_out)
        taken = 0
        async for batch in self._delivery.offer(entries):
            taken += len(batch)
            self._retry.moved()
            good = await self._let_go(inlet, good, taken)
        await self._let_go(inlet, good, taken)

    async def _let_go(self, inlet: Inlet, good: Sequence[_Good], taken: int) -> Sequence[_Good]:
        """Those of which everything is durable; the others are left."""
        done = [one.message for one in good if one.end <= taken]
        if done:
            async with asyncio.timeout(ANSWER_SECONDS):
                await inlet.done(done)
        return good[len(done) :]

    def _sorted(self, messages: Sequence[Message]) -> tuple[list[Entry], Sequence[_Good], list[Poison], LeftOut]:
        reader = Messages(self._environment.terms(self._source))
        entries: list[Entry] = []
        good: list[_Good] = []
        poisons: list[Poison] = []
        for message in messages:
            try:
                entries += self._parse(message, reader)
            except InvalidEntry as error:
                poisons.append(Poison(message, "; ".join(error.details) or str(error)))
            else:
                good.append(_Good(message, len(entries)))
        return entries, good, poisons, reader.left_out

    def _parse(self, message: Message, reader: Messages) -> list[Entry]:
        """Raises InvalidEntry."""
        content = message.content
        if content is None:
            raise InvalidEntry("it was deleted from the stream before it was taken in")
        if isinstance(content, str):
            return reader.text(content, message.where)
        if (payload := content.get(self._source.payload)) is not None:
            return reader.text(payload, message.where)
        return [reader.fields(content, message.where)]

    def _report(self, inlet: Inlet, poisons: Sequence[Poison]) -> None:
        told = [f"{poison.message.where}: {poison.reason}" for poison in poisons[:MOST_SHOWN]]
        log.warning(
            "entries that do not fit were moved aside",
            source=self.name,
            entries=len(poisons),
            moved_to=inlet.poison_key,
            problem="; ".join(told),
        )
        self._environment.health.refused(self.name, InvalidEntry(told[0]), len(poisons))
