"""A stream's consumer group."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from redis.exceptions import ResponseError, WatchError

from exporter.config import settings
from exporter.sources.redis.inlet import BATCH, BLOCK_SECONDS, Fields, Lost, Message, Poison, raw

# The entries themselves stay in the stream; of those put aside, the latest are kept.
POISON_KEPT = 100_000
BEGINNING = "0-0"
REASON, ORIGIN = "poison_reason", "poison_entry"

_Raw = Sequence[Any]


class Stream:
    """What was read and not acknowledged stays pending in the group, under the name of the consumer that read it.

    A consumer's own pending entries come first: those of a process that was killed. Those that another consumer has left
    pending for `claim_after` are claimed: it is dead.

    What is new is read in one step with the figures of the stream and its group, so that they belong together: entries that were
    trimmed before any consumer of the group had them leave no other trace.
    """

    def __init__(self, source: settings.RedisSource, client: Any, *, monotonic: Callable[[], float]) -> None:
        self.poison_key = f"{source.key}:poison"
        self._source = source
        self._client = client
        self._monotonic = monotonic
        self._left_over = True
        self._claim_from = BEGINNING
        self._claim_at = monotonic()
        self._lost: Lost | None = None
        self._last = BEGINNING
        for command in ("XREADGROUP", "XAUTOCLAIM"):
            # The library would make a dictionary of the fields, and drop the first of two of a name.
            client.set_response_callback(command, _as_it_is)

    async def open(self) -> None:
        """The group begins with the oldest entry that there is: what was handed in before the first start is not lost, and what was
        trimmed before there was a group was never its to read. In one step: another exporter may begin to read at once."""
        source = self._source
        create = partial(self._client.xgroup_create, source.key, source.group, id="0", mkstream=True)
        try:
            await create(entries_read=await self._trimmed())
        except ResponseError as error:
            if str(error).startswith("BUSYGROUP"):
                return
            # Before version 7 a group counts nothing.
            await self._open_uncounted(create)

    async def _open_uncounted(self, create: Callable[[], Awaitable[object]]) -> None:
        try:
            await create()
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _trimmed(self) -> int:
        """How many entries the stream has had that are no longer there."""
        try:
            stream = await self._client.xinfo_stream(self._source.key)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return 0
        added: int = stream.get("entries-added", stream["length"])
        return added - int(stream["length"])

    def lost(self) -> Lost | None:
        lost, self._lost = self._lost, None
        return lost

    async def read(self) -> list[Message]:
        if self._left_over:
            if found := await self._read_own():
                return found
            self._left_over = False
        if self._monotonic() >= self._claim_at and (found := await self._claim()):
            return found
        return await self._read_new() or await self._read_when_there_is_something()

    async def done(self, messages: Sequence[Message]) -> None:
        keys = [message.key for message in messages]
        await self._client.xack(self._source.key, self._source.group, *keys)

    async def put_aside(self, poisons: Sequence[Poison]) -> None:
        async with self._client.pipeline(transaction=True) as pipeline:
            for poison in poisons:
                content = poison.message.content
                fields = content if isinstance(content, tuple) else ()
                fields = (*fields, (ORIGIN, poison.message.key), (REASON, poison.reason))
                words = [raw(word) for field in fields for word in field]
                pipeline.execute_command("XADD", self.poison_key, "MAXLEN", "~", POISON_KEPT, "*", *words)
            pipeline.xack(self._source.key, self._source.group, *(poison.message.key for poison in poisons))
            await pipeline.execute()

    async def _read_own(self) -> list[Message]:
        source = self._source
        return self._messages(
            await self._client.xreadgroup(source.group, source.consumer, {source.key: "0"}, count=BATCH)
        )

    async def _read_new(self) -> list[Message]:
        source = self._source
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.xinfo_stream(source.key)
            pipeline.xinfo_groups(source.key)
            pipeline.xreadgroup(source.group, source.consumer, {source.key: ">"}, count=BATCH)
            stream, groups, found = await pipeline.execute(raise_on_error=False)
        # That the stream or its group is gone is told best by who wanted to read from it.
        for answer in (found, groups, stream):
            if isinstance(answer, Exception):
                raise answer
        self._last = stream["last-generated-id"]
        group = next(one for one in groups if one["name"] == source.group)
        self._lost = _lost(stream, group)
        messages = self._messages(found)
        if not messages and group.get("entries-read") != stream.get("entries-added"):
            await self._set_count(stream, group)
        return messages

    async def _read_when_there_is_something(self) -> list[Message]:
        """Waiting reads nothing: what is read is read with its figures."""
        if await self._client.xread({self._source.key: self._last}, count=1, block=BLOCK_SECONDS * 1000):
            return await self._read_new()
        return []

    async def _set_count(self, stream: dict[str, Any], group: dict[str, Any]) -> None:
        """All is read: what the group has had is what was added. Of entries that were trimmed unread Redis says for ever that they
        were not, and they would be counted again; where it does not know, what is lost from now on could not be told."""
        source = self._source
        async with self._client.pipeline(transaction=True) as pipeline:
            await pipeline.watch(source.key)
            if (await pipeline.xinfo_stream(source.key))["entries-added"] != stream["entries-added"]:
                return
            pipeline.multi()
            last, added = group["last-delivered-id"], stream["entries-added"]
            pipeline.execute_command("XGROUP SETID", source.key, source.group, last, "ENTRIESREAD", added)
            try:
                await pipeline.execute()
            except WatchError:
                # Something came meanwhile; the next quiet moment will do.
                return

    async def _claim(self) -> list[Message]:
        source = self._source
        idle = int(source.claim_after * 1000)
        self._claim_from, entries, *deleted = await self._client.xautoclaim(
            source.key, source.group, source.consumer, idle, self._claim_from, count=BATCH
        )
        if self._claim_from == BEGINNING:
            self._claim_at = self._monotonic() + source.claim_after / 2
        # Redis 6 has no name for what was deleted from the stream, and leaves it pending.
        claimed = [self._message(entry[0], entry[1]) for entry in entries if entry and entry[0] is not None]
        return claimed + [self._message(key, None) for key in (deleted[0] if deleted else ())]

    def _messages(self, found: _Raw | None) -> list[Message]:
        return [self._message(key, fields) for _, entries in found or () for key, fields in entries]

    def _message(self, key: str, words: Sequence[str] | None) -> Message:
        fields: Fields = tuple(zip(words[::2], words[1::2], strict=True)) if words else ()
        return Message(key, f"{self._source.key} {key}", fields or None)


def _as_it_is(answer: Any, **_: object) -> Any:
    return answer


def _lost(stream: dict[str, Any], group: dict[str, Any]) -> Lost | None:
    """What lay behind the last entry that the group has had, and is no longer in the stream.

    All that is in the stream is new to the group where its first entry is; then what was added and is neither read nor there is
    gone. None also where Redis (before version 7) does not count.
    """
    first, last = stream["first-entry"], group["last-delivered-id"]
    added, read = stream.get("entries-added"), group.get("entries-read")
    if added is None or (first is not None and _number(first[0]) <= _number(last)):
        return None
    if read is None:
        # A group that an operator made, or a stream with deleted entries: nothing tells what is missing.
        return None
    between = f"between {last} and {first[0] if first else 'the end'}"
    count = added - read - stream["length"]
    return Lost(count, between) if count > 0 else None


def _number(entry: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence)
