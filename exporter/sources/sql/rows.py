"""Rows as entries: columns by their names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exporter.errors import SourceRefused
from exporter.sources.groups import REFERENCES_OFF
from exporter.sources.sql.local_time import LocalTime

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
        self._submitted = next((places[name] for name in _SUBMITTED if name in places), None)
        names = ("request_id", "account", "api", *([_REFERENCE] if _REFERENCE in ours else []))
        texts = ((name, places.get(name)) for name in names)
        self._texts = [(name, place) for name, place in texts if place is not None]

    def fields(self, row: Sequence[Any], local: LocalTime, now: float) -> Mapping[str, Any]:
        """As a group of the other sources would have them; what is NULL is left out."""
        found = {name: str(value) for name, place in self._texts if (value := row[place]) is not None}
        if self._submitted is not None and (submitted := row[self._submitted]) is not None:
            return {**found, "submitted_at": local.moment(submitted, now)}
        return found


def _check(names: Iterable[str], allowed: Sequence[str]) -> None:
    unknown = next((name for name in names if name not in allowed), None)
    if unknown == _REFERENCE:
        raise SourceRefused(f"the query brings the column {_REFERENCE}, which {REFERENCES_OFF}")
    if unknown is not None:
        raise SourceRefused(f"the query brings the column {unknown}; allowed: {', '.join(allowed)}")
