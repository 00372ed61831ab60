"""Sources that name the same files."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from exporter.config.problem import Problems
from exporter.config.rules import patterns
from exporter.config.shapes import Item

_ANY_FOLDERS = "**"


def check(sources: Sequence[Item], folder: Path, problems: Problems) -> None:
    """A warning only: two patterns over one log, each for an API of its own, are right. Of several one is told."""
    for place, source in enumerate(sources):
        shared = next(_shared(sources[:place], source, folder), None)
        if shared is not None:
            other, theirs, mine = shared
            message = f"{mine} may name files that {theirs} of {other.path} names too; each of the two takes in what it finds there"
            problems.warn(source.place("paths"), source.path_of("paths"), message)


def _shared(others: Sequence[Item], source: Item, folder: Path) -> Iterator[tuple[Item, str, str]]:
    for other in others:
        pairs = product(other.values.get("paths", ()), source.values.get("paths", ()))
        yield from ((other, theirs, mine) for theirs, mine in pairs if _both(theirs, mine, folder))


def _both(one: str, other: str, folder: Path) -> bool:
    first, second = patterns((one, other), folder)
    return _folders_meet(first.split("/"), second.split("/"))


def _folders_meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether some path fits both."""
    if one[:1] == [_ANY_FOLDERS]:
        return _folders_meet(one[1:], other) or (bool(other) and _folders_meet(one, other[1:]))
    if other[:1] == [_ANY_FOLDERS]:
        return _folders_meet(other, one)
    if not one or not other:
        return not one and not other
    return _names_meet(_tokens(one[0]), _tokens(other[0])) and _folders_meet(one[1:], other[1:])


def _tokens(name: str) -> tuple[str, ...]:
    """Characters; ? and a set in brackets stand for any one of them."""
    found: list[str] = []
    rest = name
    while rest:
        end = rest.find("]", 2) if rest[0] == "[" else -1
        found.append("?" if end > 0 else rest[0])
        rest = rest[end + 1 if end > 0 else 1 :]
    return tuple(found)


def _names_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """The usual table: at each pair of places whether the rests have a name in common."""
    below = [set(other[place:]) <= {"*"} for place in range(len(other) + 1)]
    for place in range(len(one) - 1, -1, -1):
        row = [False] * (len(other) + 1)
        row[-1] = one[place] == "*" and below[-1]
        for there in range(len(other) - 1, -1, -1):
            if one[place] == "*" or other[there] == "*":
                row[there] = below[there] or row[there + 1]
            else:
                row[there] = below[there + 1] and ("?" in (one[place], other[there]) or one[place] == other[there])
        below = row
    return below[0]
