"""What is wrong in the configuration file, and how it is told."""

import json
from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST_SHOWN = 60


class Position(NamedTuple):
    """Line and column, both from 1; the column counts characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `path` is that of the key, such as accounts[0].name; empty for the file as a whole."""

    position: Position
    path: str
    message: str

    def told(self, file: str) -> str:
        where = f"{file}:{self.position.line}:{self.position.column}: "
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


@dataclass(slots=True)
class Problems:
    """All mistakes and warnings of one file. Nothing is raised while they are collected, so that all can be told at once."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def add(self, position: Position, path: str, message: str) -> None:
        self.errors.append(Problem(position, path, message))

    def warn(self, position: Position, path: str, message: str) -> None:
        self.warnings.append(Problem(position, path, message))


def told(problems: list[Problem], file: str) -> list[str]:
    """One line for each, in the order of the file."""
    return [problem.told(file) for problem in sorted(problems, key=lambda problem: problem.position)]


def shown(text: str, *, quoted: bool = False) -> str:
    """A text of the file as a message shows it: short, on one line, and without anything that a terminal would obey."""
    short = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
    if not short.isprintable():
        return json.dumps(short)
    return json.dumps(short, ensure_ascii=False) if quoted else short


def suggestion(text: str, allowed: tuple[str, ...]) -> str:
    """`; did you mean …?`, or nothing where no allowed word is close."""
    from difflib import get_close_matches  # only a mistake needs it

    close = get_close_matches(text[:LONGEST_SHOWN].lower(), allowed, n=1)
    return f"; did you mean {close[0]}?" if close else ""
