"""The pages that people read, and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = "leadsquared-exporter"
PAGES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCED: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
_SHELL: Final = ("", "sh", "console")
_INDENTED: Final = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
_ELISION: Final = re.compile(r"\[.*? …\]| …")
_INLINE: Final = re.compile(r"`([^`\n]+)`")


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each shell command, continued lines joined: those in blocks and those within the text."""
    text = page.read_text("utf-8")
    blocks = [dedent(found["text"]) for found in _FENCED.finditer(text) if found["language"] in _SHELL]
    text = _FENCED.sub("", text)
    blocks += [dedent(found[0]) for found in _INDENTED.finditer(text)]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += _INLINE.findall(text)
    for line in lines:
        for part in re.split(r" && | \| |; ", line.removeprefix("$ ")):
            words = _words(part)
            if words:
                yield words


def _words(line: str) -> list[str]:
    try:
        return shlex.split(_ELISION.sub("", line), comments=True)
    except ValueError:
        return []  # A query or a piece of JSON that spans lines.


def calls(page: Path) -> Iterator[list[str]]:
    """The arguments of each call of our program."""
    for words in commands(page):
        names = [word.rpartition("/")[2] for word in words]
        if PROGRAM in names and names[0] in (PROGRAM, "uvx"):
            yield words[names.index(PROGRAM) + 1 :]
