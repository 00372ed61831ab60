"""Header fields as they came: pairs of name and value, in their order and spelling."""

from collections.abc import Iterable, Sequence

Field = tuple[bytes, bytes]
Fields = Sequence[Field]

# What the head of a message may be at most, in bytes and in fields; its trailer too.
LONGEST_HEAD = 64 * 1024
MOST_FIELDS = 512


def values(fields: Fields, name: bytes) -> list[bytes]:
    """All values of a field, whose `name` is in lower case."""
    length = len(name)
    return [value.strip() for given, value in fields if len(given) == length and given.lower() == name]


def tokens(lines: Iterable[bytes]) -> list[bytes]:
    """The words of a list such as Connection and Transfer-Encoding have, in lower case."""
    return [word for line in lines for word in (part.strip().lower() for part in line.split(b",")) if word]


def too_long(fields: Fields) -> bool:
    """Whether a head is beyond the bounds."""
    return len(fields) > MOST_FIELDS or sum(len(name) + len(value) + 4 for name, value in fields) > LONGEST_HEAD
