"""How values are put together: sections with keys, lists, and sections of which one key says what the others are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.config.kinds import Kind
from exporter.config.problem import Position


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of known keys. An empty one stands for its defaults."""

    fields: tuple["Field", ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def requirement(self) -> str:
        return f"a mapping with the keys {', '.join(self.names)}"

    def find(self, name: str) -> "Field | None":
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping of one or more of some names to sections of one shape, or a word for all names with empty sections."""

    section: Section
    names: tuple[str, ...]
    every: str = "all"

    @property
    def requirement(self) -> str:
        return f"{self.every}, or a mapping with one or more of the keys {', '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of `minimum` to `maximum` items, each greater than the one before where `ascending`."""

    item: "Shape"
    what: str
    minimum: int = 0
    maximum: int | None = None
    ascending: bool = False

    @property
    def requirement(self) -> str:
        if self.maximum is not None:
            return f"a list of {self.minimum} to {self.maximum} {self.what}"
        return f"a list of one or more {self.what}" if self.minimum else f"a list of {self.what}"


@dataclass(frozen=True, slots=True)
class Variants:
    """A section whose key `type` says which section it is."""

    sections: Mapping[str, Section]
    types: Kind

    @property
    def requirement(self) -> str:
        return f"a mapping with the key type, {self.types.requirement}"


Shape = Kind | Section | Named | Listed | Variants


@dataclass(frozen=True, slots=True)
class Field:
    """One key. `default` is what the reference shows; a key without one has to be there only if `required`."""

    name: str
    shape: Shape
    description: str
    default: str = ""
    required: bool = False


@dataclass(slots=True)
class Item:
    """A section of the file as it was read. Only values that fit are in `values`; `sound` if nothing in it was unfit."""

    path: str
    position: Position
    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Position] = field(default_factory=dict)
    places: dict[str, Position] = field(default_factory=dict)
    sound: bool = True

    def path_of(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def given(self, name: str) -> bool:
        return name in self.keys

    def place(self, name: str) -> Position:
        """Where the value stands, or the first line of the section that lacks it."""
        return self.places.get(name, self.position)
