"""Durations as Prometheus writes them: 5s, 1h30m, 1d, 500ms, 0."""

import re

_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PATTERN = re.compile("".join(f"(?:([0-9]+){unit})?" for unit in _UNITS))
# Prometheus keeps a duration as nanoseconds in 63 bits.
_LONGEST = 2**63 // 1_000_000
_LONGEST_TEXT = 60


def parse(text: str) -> float:
    """Seconds.

    ValueError for anything that Prometheus would not take: no unit, a unit twice or out of order, a sign, a fraction.
    """
    if text == "0":
        return 0.0
    match = _PATTERN.fullmatch(text) if 0 < len(text) <= _LONGEST_TEXT else None
    if match is None:
        raise ValueError("not a duration such as 30s or 1h30m")
    milliseconds = sum(int(count or 0) * size for count, size in zip(match.groups(), _UNITS.values(), strict=True))
    if milliseconds > _LONGEST:
        raise ValueError("a duration longer than 292 years")
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """The shortest writing, to the millisecond. Days are the largest unit: 90d reads easier than 12w6d."""
    rest = round(seconds * 1000)
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
