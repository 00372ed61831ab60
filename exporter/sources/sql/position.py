"""The value of a cursor as text that the store can keep, with its type: a driver takes no text for a number."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from exporter.errors import SourceRefused

_TYPES: Final[Mapping[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]]] = {
    int: ("int", str, int),
    float: ("float", repr, float),
    Decimal: ("decimal", str, Decimal),
    str: ("text", str, str),
    bytes: ("bytes", bytes.hex, bytes.fromhex),
    datetime: ("time", datetime.isoformat, datetime.fromisoformat),
    date: ("date", date.isoformat, date.fromisoformat),
    UUID: ("uuid", str, UUID),
}
_READERS: Final = {name: read for name, _, read in _TYPES.values()}


def write(value: Any) -> str:
    """Raises SourceRefused for a type that is no cursor."""
    # asyncpg has a UUID of its own.
    kind = UUID if isinstance(value, UUID) else type(value)
    if kind not in _TYPES:
        raise SourceRefused(f"the cursor column holds {kind.__name__}, which can't be kept; take another column")
    name, written, _ = _TYPES[kind]
    return f"{name} {written(value)}"


def read(text: str) -> Any:
    name, _, written = text.partition(" ")
    return _READERS[name](written)


def first(text: str, *, only_text: bool) -> Any:
    """The value that `start` means: an integer, a time, or the text; SQLite knows no times."""
    if re.fullmatch("-?[0-9]+", text):
        return int(text)
    if only_text or not re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return text
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text
