"""A stream's consumer group."""

from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import ResponseError

from exporter.config import settings
from exporter.sources.redis.inlet import BATCH, BLOCK_SECONDS, Message, Poison, raw

# The entries themselves stay in the stream; of those put aside, the latest are kept.
POISON_KEPT = 100_000
BEGINNING = "0-0"
REASON, ORIGIN = "poison_reason", "poison_entry"


class Stream:
    """What was read and not acknowledged stays pending in the group, under the name of the consumer that read it.

    A consumer's own pending entries come first: those of a process that was killed. Those that another consumer has left
    pending for `claim_after` are claimed: it is dead.
    """

    def __init__(self, source: settings.RedisSource, client: Any, *, monotonic: Callable[[], float]) -> None:
        self.poison_key = f"{source.key}:poison"
        self._source = source
        self._client = client
        self._monotonic = monotonic
        self._left_over = True
        self._claim_from = BEGINNING
        self._claim_at = monotonic()

    async def open(self) -> None:
        """The group begins with the oldest entry: what was handed in before the first start is not lost."""
        try:
            await self._client.xgroup_create(self._source.key, self._source.group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def read(self) -> list[Message]:
        if self._left_over:
            if found := await self._read("0", block=None):
                return found
            self._left_over = False
        if self._monotonic() >= self._claim_at and (found := await self._claim()):
            return found
        return await self._read(">", block=BLOCK_SECONDS * 1000)

    async def done(self, messages: Sequence[Message]) -> None:
        keys = [message.key for message in messages]
        await self._client.xack(self._source.key, self._source.group, *keys)

    async def put_aside(self, poisons: Sequence[Poison]) -> None:
        async with self._client.pipeline(transaction=True) as pipeline:
            for poison in poisons:
                message = poison.message
                fields = dict(message.content) if isinstance(message.content, dict) else {}
                fields |= {ORIGIN: message.key, REASON: poison.reason}
                encoded = {raw(name): raw(value) for name, value in fields.items()}
                pipeline.xadd(self.poison_key, encoded, maxlen=POISON_KEPT, approximate=True)
            pipeline.xack(self._source.key, self._source.group, *(poison.message.key for poison in poisons))
            await pipeline.execute()

    async def _read(self, position: str, *, block: int | None) -> list[Message]:
        source = self._source
        found = await self._client.xreadgroup(
            source.group, source.consumer, {source.key: position}, count=BATCH, block=block
        )
        return [self._message(key, fields) for _, entries in found or () for key, fields in entries]

    async def _claim(self) -> list[Message]:
        source = self._source
        idle = int(source.claim_after * 1000)
        self._claim_from, entries, *deleted = await self._client.xautoclaim(
            source.key, source.group, source.consumer, idle, self._claim_from, count=BATCH
        )
        if self._claim_from == BEGINNING:
            self._claim_at = self._monotonic() + source.claim_after / 2
        # Redis 6 has no name for what was deleted from the stream, and leaves it pending.
        claimed = [self._message(key, fields) for key, fields in entries if key is not None]
        return claimed + [self._message(key, None) for key in (deleted[0] if deleted else ())]

    def _message(self, key: str, fields: dict[str, str] | None) -> Message:
        return Message(key, f"{self._source.key} {key}", fields or None)
