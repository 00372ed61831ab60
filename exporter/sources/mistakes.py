"""What does not fit in a group of RequestIDs, told by name and never at length."""

import json
from collections.abc import Callable, Mapping

from exporter.errors import InvalidEntry

LONGEST_SHOWN = 64
MOST_SHOWN = 20


def shown(text: str) -> str:
    """A key in quotes, escaped and cut."""
    return json.dumps(text[:LONGEST_SHOWN]) + ("…" if len(text) > LONGEST_SHOWN else "")


def length(text: str) -> str:
    """All that is told of a value: it may be a lead's data, and what is told is logged."""
    return "a text of 1 character" if len(text) == 1 else f"a text of {len(text)} characters"


class Mistakes:
    """All mistakes are counted, the first ones are kept: a body of 8 MiB can hold a million of them."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[tuple[str, str]] = []

    def add(self, path: str, what: str) -> None:
        self.count += 1
        if len(self._first) < MOST_SHOWN:
            self._first.append((path, what))

    @property
    def paths(self) -> frozenset[str]:
        """The paths of those that are told."""
        return frozenset(path for path, _ in self._first)

    def refusal(self, told: Callable[[str, str], str] | None = None) -> InvalidEntry:
        details = [(told or _told)(path, what) for path, what in self._first]
        if self.count > len(details):
            details.append(f"and {self.count - len(details)} more")
        count = "1 mistake" if self.count == 1 else f"{self.count} mistakes"
        return InvalidEntry(f"nothing was taken in: {count}", details)


def with_lines(name: str, lines: Mapping[str, int]) -> Callable[[str, str], str]:
    """Tells a mistake as `name:line: path: what`, for a file that a person has to mend."""

    def told(path: str, what: str) -> str:
        return f"{name}:{lines[path]}: {_told(path, what)}" if path in lines else f"{name}: {_told(path, what)}"

    return told


def _told(path: str, what: str) -> str:
    return f"{path}: {what}" if path else what
