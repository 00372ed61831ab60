"""Moments as RFC 3339 writes them, read strictly: a moment without an offset could be off by hours."""

import re
from datetime import datetime

_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]{1,20})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LEAP_SECOND = "60"


def parse(text: str) -> float | None:
    """Seconds since the epoch, or None where the text is not RFC 3339 or names a day or hour that does not exist."""
    match = _RFC_3339.fullmatch(text)
    if match is None:
        return None
    day, minute, second, fraction, offset = match.groups()
    leap = second == _LEAP_SECOND
    try:
        # The offset is applied apart: at the edges of the calendar a datetime can't hold both.
        local = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second}+00:00")
        east = 0.0 if offset in "Zz" else _east(offset)
    except ValueError:
        return None
    return local.timestamp() - east + float(fraction or 0) + leap


def parted(line: str) -> tuple[str, str]:
    """A RequestID and what stands for the time behind it, empty where there is none; both empty for an empty line. What does not
    begin as a time does belongs to what was meant for a RequestID."""
    request_id, *rest = line.split(maxsplit=1) or ("",)
    told = rest[0].strip() if rest else ""
    return (request_id, told) if not told or told[0].isdecimal() else (line.strip(), "")


def of(value: object) -> float | None:
    """Seconds since the epoch of a datetime that has an offset; None of anything else."""
    return value.timestamp() if isinstance(value, datetime) and value.tzinfo is not None else None


def _east(offset: str) -> float:
    """Seconds by which local time is ahead. Raises ValueError for an hour or a minute that no clock has."""
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError(offset)
    ahead = hours * 3600.0 + minutes * 60.0
    return -ahead if offset[0] == "-" else ahead
