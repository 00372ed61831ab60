"""A YAML text as a tree that knows where each of its parts stands.

YAML's own guesses at types are not used: a scalar stays the text that was written, and what it means is decided by the key
that wants it. Otherwise the account `no` would be false and the key 0x10 sixteen.

Aliases are followed, and an alias stands where it is used. Merge keys (`<<`), tags and several documents are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import yaml
from yaml.composer import ComposerError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from yaml.reader import ReaderError

from exporter.config.problem import Position, Problem

# No configuration is nested deeper; without a limit a line of brackets would end in a RecursionError.
_DEEPEST = 32
# An alias repeats all that is in its anchor; a few lines could otherwise stand for billions of values.
_MOST_REPEATED = 10_000
_NULLS = ("", "~", "null", "Null", "NULL")
_FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    position: Position
    text: str
    quoted: bool

    @property
    def is_null(self) -> bool:
        return not self.quoted and self.text in _NULLS


@dataclass(frozen=True, slots=True)
class Listing:
    position: Position
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    position: Position
    entries: tuple[tuple["Node", "Node"], ...]


Node = Scalar | Listing | Mapping


class _Anchored(NamedTuple):
    node: Node
    size: int


def parse(text: str) -> Node | Problem | None:
    """The tree, the first mistake in the syntax, or None for an empty text."""
    if not text.endswith("\n"):
        text += "\n"  # without it the two parsers place an empty value at the end differently
    try:
        return _compose(text, _FAST_LOADER)
    except (yaml.YAMLError, UnicodeEncodeError):
        # libyaml words its errors differently and may be absent: the messages are always those of the Python parser.
        pass
    try:
        return _compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        return _problem(error, text)


def _compose(text: str, loader: Any) -> Node | None:
    return _Composer(yaml.parse(text, Loader=loader)).document()


class _Composer:
    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._anchors: dict[str, _Anchored | None] = {}
        self._repeated = 0
        self._size = 0
        self._depth = 0

    def document(self) -> Node | None:
        """The only document of the text."""
        root: Node | None = None
        seen = False
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if seen:
                    raise _refused(event, "a second document begins here; one file holds one document")
                seen = True
            elif isinstance(event, NodeEvent):
                root = self._node(event)
        return root

    def _node(self, event: Event) -> Node:
        self._size += 1
        if isinstance(event, AliasEvent):
            return self._alias(event)
        before = self._size
        self._refuse_tag(event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        node = self._own(event)
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, self._size - before + 1)
        return node

    def _own(self, event: Event) -> Node:
        if isinstance(event, ScalarEvent):
            return Scalar(_position(event), event.value, quoted=bool(event.style))
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _refused(event, f"nested deeper than {_DEEPEST} levels")
        node = self._mapping(event) if isinstance(event, MappingStartEvent) else self._listing(event)
        self._depth -= 1
        return node

    def _mapping(self, event: Event) -> Mapping:
        entries = []
        while not isinstance(part := next(self._events), MappingEndEvent):
            entries.append((self._node(part), self._node(next(self._events))))
        return Mapping(_position(event), tuple(entries))

    def _listing(self, event: Event) -> Listing:
        items = []
        while not isinstance(part := next(self._events), SequenceEndEvent):
            items.append(self._node(part))
        return Listing(_position(event), tuple(items))

    def _alias(self, event: AliasEvent) -> Node:
        """Names of aliases are not told: a key that begins with * and was not quoted is one."""
        if event.anchor not in self._anchors:
            raise _refused(event, "an alias without its anchor before it; quote the value if it is meant as text")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise _refused(event, "an alias inside of its own anchor")
        self._repeated += anchored.size
        self._size += anchored.size
        if self._repeated > _MOST_REPEATED:
            raise _refused(event, f"the aliases up to here stand for more than {_MOST_REPEATED} values")
        return replace(anchored.node, position=_position(event))

    def _refuse_tag(self, event: Event) -> None:
        if getattr(event, "tag", None) is not None:
            raise _refused(event, "tags are not supported; quote the value if it is meant as text")


def _position(event: Event) -> Position:
    return _at(event.start_mark)


def _at(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _refused(event: Event, message: str) -> ComposerError:
    mark: Any = event.start_mark
    return ComposerError(None, None, message, mark)


def _problem(error: yaml.YAMLError, text: str) -> Problem:
    if isinstance(error, ReaderError):
        return _unprintable(error, text)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return Problem(_at(error.problem_mark), "", f"not usable YAML: {_explained(error)}")
    return Problem(Position(1, 1), "", "not usable YAML")


def _unprintable(error: ReaderError, text: str) -> Problem:
    before = text[: error.position]
    position = Position(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    code = error.character if isinstance(error.character, int) else ord(error.character)
    return Problem(position, "", f"not usable YAML: must be printable text, got the character U+{code:04X}")


def _explained(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "can't be read"
    if "'\\t'" in problem:
        return "a tab can't indent; use spaces"
    if "tag" in problem and "supported" not in problem:
        # The parser would repeat the tag, which may be the beginning of a key that was not quoted.
        return "a tag can't be read here; quote the value if it is meant as text"
    if error.context and error.context_mark is not None:
        return f"{problem}, {error.context} that begins in line {error.context_mark.line + 1}"
    return problem
