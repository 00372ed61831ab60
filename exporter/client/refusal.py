"""What is left to hand over of a group that the exporter refused. It takes all of a group or nothing, so that one entry
that does not fit would cost those beside it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

_UNFIT: Final = 400
_TOO_LARGE: Final = 413
_NAMED = re.compile(r"request_ids\[([0-9]{1,9})\](\.submitted_at: |\.reference: )?")


def remainder(group: dict[str, Any], status: int, details: Iterable[str]) -> list[dict[str, Any]]:
    """In its order; each is smaller than the group, or tells fewer times or references."""
    entries = group["request_ids"]
    if status == _TOO_LARGE and len(entries) > 1:
        middle = len(entries) // 2
        parts = [entries[:middle], entries[middle:]]
    else:
        parts = [_mended(entries, details)] if status == _UNFIT else []
    return [{**group, "request_ids": part} for part in parts if part]


def untimed(group: dict[str, Any]) -> int:
    """How many of its entries tell no time."""
    return sum("submitted_at" not in entry for entry in group["request_ids"])


def unreferenced(group: dict[str, Any], rest: Iterable[dict[str, Any]]) -> int:
    """How many entries of the rest have lost the reference that they have in the group."""
    told = {entry["request_id"] for entry in group["request_ids"] if "reference" in entry}
    left = (entry for part in rest for entry in part["request_ids"])
    return sum("reference" not in entry and entry["request_id"] in told for entry in left)


def _mended(entries: list[dict[str, str]], details: Iterable[str]) -> list[dict[str, str]]:
    """Without what the details name; nothing where they name no entry, because then the group itself does not fit.

    A time that this side has written is refused only for lying ahead of the exporter's clock. Its entry is kept and the time
    left out: watched without a duration is better than not watched. Every later time lies ahead too, and goes at once: an
    answer names the first mistakes only, and of a host whose clock is wrong all entries are one. A reference that this side has
    written is refused only where the exporter takes none at all.
    """
    named = _named(entries, details)
    if not named.late and not named.unfit and not named.references:
        return []
    earliest = min(named.late, default=None)
    left = [_timely(entry, earliest) for index, entry in enumerate(entries) if index not in named.unfit]
    return [_without(entry, "reference") for entry in left] if named.references else left


@dataclass(slots=True)
class _Named:
    """The times that are refused, the places of the entries that are, and whether references are."""

    late: list[datetime] = field(default_factory=list)
    unfit: set[int] = field(default_factory=set)
    references: bool = False


def _named(entries: list[dict[str, str]], details: Iterable[str]) -> _Named:
    found = _Named()
    for named in filter(None, map(_NAMED.match, details)):
        place, key = int(named[1]), (named[2] or "").strip(".: ")
        if place >= len(entries):
            continue
        told = entries[place].get(key)
        if told is None:
            found.unfit.add(place)
        elif key == "reference":
            found.references = True
        else:
            found.late.append(datetime.fromisoformat(told))
    return found


def _timely(entry: dict[str, str], earliest: datetime | None) -> dict[str, str]:
    """The entry, without a time of `earliest` or later."""
    told = entry.get("submitted_at")
    if earliest is None or told is None or datetime.fromisoformat(told) < earliest:
        return entry
    return _without(entry, "submitted_at")


def _without(entry: dict[str, str], key: str) -> dict[str, str]:
    return {name: value for name, value in entry.items() if name != key}
