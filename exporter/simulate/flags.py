"""What the flags of `simulate` and `plan` take."""

import re

from exporter.config import duration

_RATE = re.compile(r"(?P<calls>[1-9][0-9]{0,8})/(?P<period>.+)")


def rate(text: str) -> tuple[int, float]:
    """A number and the seconds in which it is counted. Raises ValueError."""
    match = _RATE.fullmatch(text)
    period = duration.parse(match["period"]) if match else 0.0
    if match is None or not period:
        raise ValueError("not a rate such as 25/5s")
    return int(match["calls"]), period


def check_rate(text: str) -> str | None:
    try:
        rate(text)
    except ValueError:
        return "must be a number in a period such as 25/5s"
    return None


def check_duration(text: str) -> str | None:
    try:
        duration.parse(text)
    except ValueError:
        return "must be a duration such as 200ms or 1h30m"
    return None


def check_whole(text: str) -> str | None:
    return None if re.fullmatch("[0-9]{1,9}", text) else "must be an integer >= 0"


def check_count(text: str) -> str | None:
    return None if re.fullmatch("[1-9][0-9]{0,8}", text) else "must be an integer >= 1"
