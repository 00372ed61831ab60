"""What is left to hand over of a group that the exporter refused. It takes all of a group or nothing, so that one entry
that does not fit would cost those beside it."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

_UNFIT: Final = 400
_TOO_LARGE: Final = 413
_NAMED = re.compile(r"request_ids\[([0-9]{1,9})\](\.submitted_at: )?")


def remainder(group: dict[str, Any], status: int, details: Iterable[str]) -> list[dict[str, Any]]:
    """In its order; each is smaller than the group, or tells fewer times."""
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


def _mended(entries: list[dict[str, str]], details: Iterable[str]) -> list[dict[str, str]]:
    """Without what the details name; nothing where they name no entry, because then the group itself does not fit.

    A time that this side has written is refused only for lying ahead of the exporter's clock. Its entry is kept and the time
    left out: watched without a duration is better than not watched. Every later time lies ahead too, and goes at once: an
    answer names the first mistakes only, and of a host whose clock is wrong all entries are one.
    """
    late, unfit = _named(entries, details)
    if not late and not unfit:
        return []
    earliest = min(late, default=None)
    return [_timely(entry, earliest) for index, entry in enumerate(entries) if index not in unfit]


def _named(entries: list[dict[str, str]], details: Iterable[str]) -> tuple[list[datetime], set[int]]:
    """The times that are refused, and the places of the entries that are."""
    late: list[datetime] = []
    unfit: set[int] = set()
    for named in filter(None, map(_NAMED.match, details)):
        place = int(named[1])
        told = entries[place].get("submitted_at") if named[2] and place < len(entries) else None
        if told is None:
            unfit.add(place)
        else:
            late.append(datetime.fromisoformat(told))
    return late, unfit & set(range(len(entries)))


def _timely(entry: dict[str, str], earliest: datetime | None) -> dict[str, str]:
    """The entry, without a time of `earliest` or later."""
    told = entry.get("submitted_at")
    if earliest is None or told is None or datetime.fromisoformat(told) < earliest:
        return entry
    return {name: value for name, value in entry.items() if name != "submitted_at"}
