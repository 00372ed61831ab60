"""A plain list, for teams without streams."""

from collections.abc import Sequence
from typing import Any

from exporter.config import settings
from exporter.sources.redis.connection import transaction
from exporter.sources.redis.inlet import BATCH, BLOCK_SECONDS, Message, Poison, raw


class Queue:
    """Items are moved to a processing list, and removed from there when they are durable.

    Whatever is in the processing list comes first: it is what a process that was killed had read. So only one exporter can
    read a list.
    """

    def __init__(self, source: settings.RedisSource, client: Any) -> None:
        self.poison_key = f"{source.key}:poison"
        self._key = source.key
        self._processing = f"{source.key}:processing"
        self._client = client

    async def open(self) -> None:
        await self._client.llen(self.poison_key)

    async def read(self) -> list[Message]:
        if not await self._client.exists(self._processing):
            await self._move()
        items = await self._client.lrange(self._processing, 0, BATCH - 1)
        return [Message(key=item, where=f"an item of {self._key}", content=item) for item in items]

    async def done(self, messages: Sequence[Message]) -> None:
        async with self._client.pipeline(transaction=True) as pipeline:
            for message in messages:
                pipeline.lrem(self._processing, 1, raw(message.key))
            await transaction(pipeline)

    async def put_aside(self, poisons: Sequence[Poison]) -> None:
        """As they are, so that they can be mended and pushed again."""
        async with self._client.pipeline(transaction=True) as pipeline:
            for poison in poisons:
                pipeline.lrem(self._processing, 1, raw(poison.message.key))
                pipeline.rpush(self.poison_key, raw(poison.message.key))
            await transaction(pipeline)

    async def _move(self) -> None:
        """Applications LPUSH, as to any queue of this kind, so the oldest is at the right."""
        if await self._client.blmove(self._key, self._processing, BLOCK_SECONDS, "RIGHT", "RIGHT") is None:
            return
        waiting = min(await self._client.llen(self._key), BATCH - 1)
        async with self._client.pipeline(transaction=False) as pipeline:
            for _ in range(waiting):
                pipeline.lmove(self._key, self._processing, "RIGHT", "RIGHT")
            await transaction(pipeline)
