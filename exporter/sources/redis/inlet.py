"""The seam between the two kinds of keys and the source that reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

# How long a read waits for something new; a cancelled source ends at once all the same.
BLOCK_SECONDS = 2
BATCH = 1000

# What stands in an entry, in its order; a name may stand there twice.
Fields = tuple[tuple[str, str], ...]


class Message(NamedTuple):
    """What one application handed in, and where it lies: `key` is what the inlet knows it by.

    `content` are the fields of a stream's entry, or the text of a list's item; None for an entry that the stream no longer
    holds although nobody has acknowledged it.
    """

    key: str
    where: str
    content: Fields | str | None


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that does not fit, and why."""

    message: Message
    reason: str


def raw(text: str) -> bytes:
    """The bytes that were read, also where they are no UTF-8."""
    return text.encode("utf-8", "surrogateescape")


class Inlet(Protocol):
    """A key that is read so that nothing is lost: a message comes again, after any break, until it is done or put aside.

    Everything may raise what redis raises.
    """

    poison_key: str

    async def open(self) -> None:
        """Also sees that `poison_key` can take what is put aside: a transaction goes on after a step of it that failed."""

    async def read(self) -> list[Message]:
        """What is left over from before first, then what is new; empty when nothing came for BLOCK_SECONDS."""

    async def done(self, messages: Sequence[Message]) -> None:
        """These are durable."""

    async def put_aside(self, poisons: Sequence[Poison]) -> None:
        """Move these to `poison_key`, in one step."""
