"""What the flags of `simulate` and `plan` take."""

import re

from exporter.config import duration

_NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
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


def seconds(text: str) -> float:
    """Of a duration, or of a plain number of seconds, as a trace has them. Raises ValueError."""
    return float(text) if _NUMBER.fullmatch(text) else duration.parse(text)


def check_duration(text: str) -> str | None:
    try:
        seconds(text)
    except ValueError:
        return "must be a duration such as 200ms or 1h30m, or a number of seconds"
    return None


def check_whole(text: str) -> str | None:
    return None if re.fullmatch("[0-9]{1,9}", text) else "must be an integer >= 0"


def check_count(text: str) -> str | None:
    return None if re.fullmatch("[1-9][0-9]{0,8}", text) else "must be an integer >= 1"
