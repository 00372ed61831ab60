"""JSON and YAML as plain values. Keys given twice are refused: the first list of RequestIDs would be lost without a word."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from exporter.errors import InvalidEntry
from exporter.sources.mistakes import shown

# A group is four levels deep. The parser of libyaml has no limit of its own.
_DEEPEST = 8
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def decode(body: bytes) -> str:
    """The text of a body or file, a byte order mark left out. Raises InvalidEntry where it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidEntry(f"not UTF-8: byte {error.start + 1} can't be read") from error


def read_json(text: str) -> Any:
    """Raises InvalidEntry with line and column."""
    try:
        return json.loads(text, object_pairs_hook=without_doubles)
    except json.JSONDecodeError as error:
        raise InvalidEntry(f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or thousands of brackets.
        raise InvalidEntry("not a list of groups: it is nested too deep or holds a number that is too long") from error


def read_yaml(text: str) -> Any:
    """Every scalar stays the text that was written, so that 123 is a RequestID and no number; null stays None.

    Raises InvalidEntry with line and column.
    """
    builder = _Builder()
    for event in _events(text):
        builder.feed(event)
    return builder.root


def find_lines(text: str, paths: frozenset[str]) -> dict[str, int]:
    """The lines at which the values at these paths begin. JSON is read as the YAML that it nearly always is."""
    locator = _Locator(paths)
    try:
        for event in _events(text):
            locator.feed(event)
            locator.locate(event)
    except InvalidEntry:
        pass
    return locator.lines


def child(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def without_doubles(
    pairs: Sequence[tuple[str, Any]], *, told: str = "the key {} is given twice in one object"
) -> dict[str, Any]:
    """Raises InvalidEntry, in the words of `told`."""
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidEntry(told.format(shown(double)))
    return made


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refusal(mark, "can't be read; is a quote, a bracket or a blank missing?") from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise InvalidEntry("not YAML: it holds characters that can't be printed") from error


def _refusal(mark: Any, what: str) -> InvalidEntry:
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return InvalidEntry(f"not YAML: {where}{what}")


@dataclass(slots=True)
class _Open:
    """A list or mapping that has not ended. `key` is the one whose value comes next, `latest` the one that was read last."""

    value: list[Any] | dict[str, Any]
    key: str | None = None
    latest: str = ""

    def path(self, path: str) -> str:
        """The path of the part that was read last, from that of the whole."""
        return f"{path}[{len(self.value) - 1}]" if isinstance(self.value, list) else child(path, self.latest)


class _Builder:
    """Builds values from events. The loaders of PyYAML build by recursion, which a line of brackets can crash."""

    def __init__(self) -> None:
        self.root: Any = None
        self.stack: list[_Open] = []
        self._documents = 0

    def feed(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._begin(event, {})
            case yaml.SequenceStartEvent():
                self._begin(event, [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.stack.pop()
            case yaml.DocumentStartEvent():
                self._document(event)
            case yaml.AliasEvent():
                # A few lines of aliases can stand for billions of values.
                raise _refusal(event.start_mark, "aliases are not allowed here")

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _refusal(event.start_mark, "a second document begins here; one file holds one document")

    def _scalar(self, event: Any) -> None:
        inside = self.stack[-1] if self.stack else None
        if inside is not None and isinstance(inside.value, dict) and inside.key is None:
            if event.value in inside.value:
                raise _refusal(event.start_mark, f"the key {shown(event.value)} is given twice")
            inside.key = inside.latest = event.value
            return
        null = not event.style and event.value in _NULLS
        self._place(None if null else event.value)

    def _begin(self, event: Any, value: list[Any] | dict[str, Any]) -> None:
        if len(self.stack) >= _DEEPEST:
            raise _refusal(event.start_mark, "nested too deep")
        inside = self.stack[-1] if self.stack else None
        if inside is not None and isinstance(inside.value, dict) and inside.key is None:
            raise _refusal(event.start_mark, "a key must be plain text")
        self._place(value)
        self.stack.append(_Open(value))

    def _place(self, value: Any) -> None:
        if not self.stack:
            self.root = value
            return
        inside = self.stack[-1]
        if isinstance(inside.value, list):
            inside.value.append(value)
        else:
            inside.value[inside.latest], inside.key = value, None


class _Locator(_Builder):
    """Builds once more, only when there is a mistake to be found: keeping every line would double the memory."""

    def __init__(self, paths: frozenset[str]) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}
        self._paths = paths

    def locate(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                around = self.stack
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                around = self.stack[:-1]
            case _:
                return
        path = ""
        for inside in around:
            path = inside.path(path)
        if path in self._paths:
            self.lines.setdefault(path, event.start_mark.line + 1)
