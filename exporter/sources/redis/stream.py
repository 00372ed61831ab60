"""A stream's consumer group."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from exporter.config import settings
from exporter.errors import SourceRefused
from exporter.sources.redis.connection import transaction
from exporter.sources.redis.gaps import BEGINNING, Gap, Gaps, Passed, Standing
from exporter.sources.redis.inlet import BATCH, BLOCK_SECONDS, Message, Poison, raw

# The entries themselves stay in the stream; of those put aside, the latest are kept.
POISON_KEPT = 100_000
REASON, ORIGIN = "poison_reason", "poison_entry"


class Stream:
    """What was read and not acknowledged stays pending in the group, under the name of the consumer that read it.

    A consumer's own pending entries come first: those of a process that was killed. Those that another consumer has left
    pending for `claim_after` are claimed: it is dead. `tell` hears of each gap before the group moves on, or with that.
    """

    def __init__(
        self,
        source: settings.RedisSource,
        client: Any,
        *,
        gaps: Gaps,
        tell: Callable[[Gap], None],
        monotonic: Callable[[], float],
    ) -> None:
        self.poison_key = f"{source.key}:poison"
        self._source = source
        self._client = client
        self._gaps = gaps
        self._tell = tell
        self._monotonic = monotonic
        self._left_over = True
        self._claim_from = BEGINNING
        self._claim_at = monotonic()

    async def open(self) -> None:
        """The group begins with the oldest entry: what was handed in before the first start is not lost."""
        await self._client.xlen(self.poison_key)
        if await self._make() and self._gaps.is_known:
            raise SourceRefused("the stream or its group was gone, with all that was not read yet; it is made anew")
        async with self._client.pipeline(transaction=True) as pipeline:
            self._ask(pipeline)
            stream, groups = await transaction(pipeline)
        now = self._standing(stream, groups)
        if (passed := self._gaps.unseen(now)) is not None:
            await self._catch_up(passed, now.delivered)
        self._heard(self._gaps.look(now))

    async def read(self) -> list[Message]:
        if self._left_over:
            if found := await self._pending():
                return found
            self._left_over = False
        if self._monotonic() >= self._claim_at and (found := await self._claim()):
            return found
        found, delivered = await self._next()
        if not found:
            # Reading by the group here would pass over what is trimmed meanwhile without a count of it.
            await self._client.xread({self._source.key: delivered}, count=1, block=BLOCK_SECONDS * 1000)
            found, _ = await self._next()
        return found

    async def done(self, messages: Sequence[Message]) -> None:
        keys = [message.key for message in messages]
        await self._client.xack(self._source.key, self._source.group, *keys)

    async def put_aside(self, poisons: Sequence[Poison]) -> None:
        async with self._client.pipeline(transaction=True) as pipeline:
            for poison in poisons:
                content = poison.message.content
                fields = [pair for pair in content or () if pair[0] not in (ORIGIN, REASON)]
                fields += [(ORIGIN, poison.message.key), (REASON, poison.reason)]
                encoded = [raw(text) for pair in fields for text in pair]
                pipeline.execute_command("XADD", self.poison_key, "MAXLEN", "~", POISON_KEPT, "*", *encoded)
            pipeline.xack(self._source.key, self._source.group, *(poison.message.key for poison in poisons))
            await transaction(pipeline)

    async def _make(self) -> bool:
        """Whether there was no group."""
        source = self._source
        trimmed = await self._trimmed()
        try:
            await self._client.xgroup_create(source.key, source.group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
            return False
        self._gaps.made(trimmed)
        return True

    async def _catch_up(self, passed: Passed, delivered: str) -> None:
        """With what was read and not taken in: a process that died, or an answer that got lost."""
        source = self._source
        pending = await self._client.xpending_range(
            source.key, source.group, min=f"({passed.delivered}", max=delivered, count=BATCH
        )
        self._gaps.caught_up(Passed(delivered, passed.count + len(pending)))

    async def _trimmed(self) -> int | None:
        """How many entries the stream has no longer; None where Redis does not count them."""
        try:
            stream = await self._client.xinfo_stream(self._source.key)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return 0
        added = stream.get("entries-added")
        return None if added is None else added - stream["length"]

    async def _next(self) -> tuple[list[Message], str]:
        """What is new, and the last ID that the group was given. In one transaction: else a trim in between is not seen."""
        async with self._client.pipeline(transaction=True) as pipeline:
            self._ask(pipeline)
            self._read(pipeline, ">")
            pipeline.xinfo_groups(self._source.key)
            stream, groups, found, groups_after = await transaction(pipeline)
        messages = self._messages(found)
        before, after = self._standing(stream, groups), self._standing(stream, groups_after)
        got = len(messages)
        self._heard(self._gaps.step(before, after, got=got, is_end=got < BATCH))
        return messages, after.delivered

    async def _pending(self) -> list[Message]:
        return self._messages(await self._read(self._client, "0"))

    async def _claim(self) -> list[Message]:
        source = self._source
        idle = int(source.claim_after * 1000)
        self._claim_from, entries, *deleted = await self._client.xautoclaim(
            source.key, source.group, source.consumer, idle, self._claim_from, count=BATCH
        )
        if self._claim_from == BEGINNING:
            self._claim_at = self._monotonic() + source.claim_after / 2
        # Redis 6 has no name for what was deleted from the stream, and leaves it pending: for this consumer, now.
        self._left_over = None in entries
        claimed = [self._message(*entry) for entry in entries if entry is not None]
        return claimed + [self._message(key, None) for key in (deleted[0] if deleted else ())]

    def _ask(self, pipeline: Any) -> None:
        pipeline.xinfo_stream(self._source.key)
        pipeline.xinfo_groups(self._source.key)

    def _read(self, client: Any, position: str) -> Any:
        source = self._source
        return client.xreadgroup(source.group, source.consumer, {source.key: position}, count=BATCH)

    def _standing(self, stream: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> Standing:
        group = next(one for one in groups if one["name"] == self._source.group)
        return Standing(
            added=stream.get("entries-added"),
            length=stream["length"],
            first=stream["first-entry"][0] if stream["first-entry"] else BEGINNING,
            last=stream["last-generated-id"],
            delivered=group["last-delivered-id"],
            read=group.get("entries-read"),
            consumers=group["consumers"],
        )

    def _heard(self, gap: Gap | None) -> None:
        if gap is not None:
            self._tell(gap)

    def _messages(self, answer: Any) -> list[Message]:
        return [self._message(*entry) for _, entries in answer or () for entry in entries]

    def _message(self, key: str, texts: Sequence[str] | None) -> Message:
        """Names and values take turns."""
        fields = None if texts is None else tuple(zip(texts[::2], texts[1::2], strict=True))
        return Message(key, f"{self._source.key} {key}", fields)
