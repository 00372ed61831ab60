"""Times without an offset: what the clock on a wall showed, in a zone that the operator names."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from exporter.sources.groups import FURTHEST_AHEAD

# No clock is set back by more than this; so long before and after it the order of local times is not trusted.
_NEAR = timedelta(hours=3)
# By so much the clocks of whoever writes the table may differ from ours.
_SLACK = timedelta(minutes=1)
# A number from before September 2001 is no time since 1970: it is a day such as 20260131, or a Julian day.
_LEAST_NUMBER = 1e9


class LocalTime:
    """Reads times of a database. `name` is that of the zone of those that tell none."""

    def __init__(self, name: str) -> None:
        # It needs no data of zones, which a small image may lack.
        self._zone: tzinfo = UTC if name == "UTC" else ZoneInfo(name)

    def moment(self, value: Any, now: float) -> datetime | str:
        """The time with its offset; the value as text where it is none, to be told as a mistake of its row."""
        try:
            moment = _number(value) if isinstance(value, int | float | Decimal) else _time(value)
        except (ValueError, OverflowError, OSError):
            return str(value)
        return moment if moment.tzinfo is not None else self._in_zone(moment, now)

    def is_past(self, value: Any, at: float) -> bool:
        """Whether none of the local times from `at` on is lower than this value of a cursor. Of any other cursor it is true.

        At the end of summer time an hour comes twice, and its rows the second time have lower times than rows before.
        """
        local = _local(value)
        if local is None:
            return True
        before, here, after = (self._offset(at, away) for away in (-_NEAR, timedelta(), _NEAR))
        if before <= here <= after:
            return True
        return local < self._shown(at) - max(timedelta(), here - after) - _SLACK

    def _in_zone(self, local: datetime, now: float) -> datetime:
        """The second of the two that it is in the hour that comes twice, unless that has not come yet."""
        second = local.replace(tzinfo=self._zone, fold=1)
        return second if second.timestamp() <= now + FURTHEST_AHEAD else local.replace(tzinfo=self._zone, fold=0)

    def _offset(self, at: float, away: timedelta) -> timedelta:
        return (datetime.fromtimestamp(at, UTC) + away).astimezone(self._zone).utcoffset() or timedelta()

    def _shown(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self._zone).replace(tzinfo=None, fold=0)


def _number(value: float | Decimal) -> datetime:
    """Seconds since 1970. Raises ValueError."""
    if not value >= _LEAST_NUMBER:
        raise ValueError(value)
    return datetime.fromtimestamp(float(value), UTC)


def _time(value: Any) -> datetime:
    """Raises ValueError."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def _local(value: Any) -> datetime | None:
    """The value of a cursor where it is a local time, as texts of SQLite may be too."""
    read = next((read for kind, read in _LOCAL.items() if isinstance(value, kind)), None)
    try:
        local = None if read is None else read(value)
    except ValueError:
        return None
    return local if local is not None and local.tzinfo is None else None


_LOCAL: dict[type, Callable[[Any], datetime]] = {
    datetime: lambda value: value,
    date: lambda value: datetime.combine(value, time()),
    str: datetime.fromisoformat,
}
