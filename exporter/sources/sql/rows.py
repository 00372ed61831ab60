"""Rows as entries: columns by their names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from exporter.errors import SourceRefused
from exporter.sources.groups import REFERENCES_OFF

_SUBMITTED = ("submitted_at", "submitted", "created_at")
_REFERENCE = "reference"
_COLUMNS = ("request_id", *_SUBMITTED, "account", "api")


class Columns:
    """Which column of a result is what. Raises SourceRefused where one is missing, or is none of ours."""

    def __init__(self, names: Sequence[str], cursor: str, *, references: bool) -> None:
        places = {name.lower(): place for place, name in enumerate(names)}
        ours = (*_COLUMNS, _REFERENCE) if references else _COLUMNS
        _check(places, (*ours, cursor))
        if "request_id" not in places:
            raise SourceRefused("the query brings no column request_id; name it with AS request_id")
        self.cursor = places.get(cursor)
        submitted = next((places[name] for name in _SUBMITTED if name in places), None)
        found = {"request_id": places["request_id"], "submitted_at": submitted}
        found |= {name: places.get(name) for name in ("account", "api")}
        if _REFERENCE in ours:
            found[_REFERENCE] = places.get(_REFERENCE)
        self._places = [
            (name, place, _moment if name == "submitted_at" else _text)
            for name, place in found.items()
            if place is not None
        ]

    def fields(self, row: Sequence[Any]) -> Mapping[str, Any]:
        """As a group of the other sources would have them; what is NULL is left out."""
        return {name: read(value) for name, place, read in self._places if (value := row[place]) is not None}


def _check(names: Iterable[str], allowed: Sequence[str]) -> None:
    unknown = next((name for name in names if name not in allowed), None)
    if unknown == _REFERENCE:
        raise SourceRefused(f"the query brings the column {_REFERENCE}, which {REFERENCES_OFF}")
    if unknown is not None:
        raise SourceRefused(f"the query brings the column {unknown}; allowed: {', '.join(allowed)}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _moment(value: Any) -> datetime | str:
    """A time without an offset is one of UTC."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        # It is told as a mistake of the row.
        return str(value)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
