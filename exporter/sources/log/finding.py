"""The files that a log source names now."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path

from exporter.errors import SourceUnreadable
from exporter.sources.log.family import is_compressed
from exporter.sources.log.opened import Sight

# Between the renaming of a file and the making of a new one there is none for a moment.
_MISSING_SECONDS = 10.0


class Finder:
    """Looks up paths and wildcards. A name without wildcards has to exist, a pattern may match nothing."""

    def __init__(self, patterns: Sequence[str], monotonic: Callable[[], float]) -> None:
        self._patterns = patterns
        self._monotonic = monotonic
        self._missing_since: dict[str, float] = {}

    def sights(self) -> tuple[list[Sight], Mapping[str, SourceUnreadable]]:
        """Every regular file once, the one that was changed last at the end; and what can't be seen, by its name."""
        found: dict[tuple[int, int], Sight] = {}
        problems: dict[str, SourceUnreadable] = {}
        for pattern in self._patterns:
            for name in _names(pattern):
                try:
                    sight = _sight(pattern, name)
                except OSError as error:
                    if self._is_missed(name, error):
                        problems[name] = unreadable(name, error)
                    continue
                self._missing_since.pop(name, None)
                if sight is not None:
                    found.setdefault(sight.identity, sight)
                elif name == pattern:
                    problems[name] = SourceUnreadable(f"{name}: it is not a file that can be followed")
        return sorted(found.values(), key=lambda one: one.status.st_mtime_ns), problems

    def _is_missed(self, name: str, error: OSError) -> bool:
        now = self._monotonic()
        since = self._missing_since.setdefault(name, now)
        return not isinstance(error, FileNotFoundError) or now - since >= _MISSING_SECONDS


def resolved(pattern: str) -> str:
    """The pattern as it meets files behind all links of their folder, where that is named without wildcards."""
    folder, base = os.path.split(pattern)
    return pattern if _is_pattern(folder) else os.path.join(os.path.realpath(folder), base)  # noqa: PTH118


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a file of this name would be found."""
    return any(name == pattern or _fits(name.split("/"), pattern.split("/")) for pattern in patterns)


def _fits(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns == ["**"]:
        return bool(parts)
    if patterns[0] == "**":
        return any(_fits(parts[skipped:], patterns[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _fits(parts[1:], patterns[1:])


def unreadable(name: str, error: OSError) -> SourceUnreadable:
    return SourceUnreadable(f"{name}: can't be read: {error.strerror or 'it is not a file'}")


def _names(pattern: str) -> Iterator[str]:
    """A name with brackets may be a pattern and may be a name; what exists under it is meant."""
    if not _is_pattern(pattern) or Path(pattern).exists():
        yield pattern
        return
    for name in sorted(glob(pattern, recursive=True)):  # noqa: PTH207  (Path.glob takes no absolute patterns)
        if os.path.exists(name):  # noqa: PTH110
            yield name


def _is_pattern(text: str) -> bool:
    return any(character in text for character in "*?[")


def _sight(pattern: str, name: str) -> Sight | None:
    """None for what is not a regular file, or is compressed. May raise OSError."""
    status = Path(name).stat()
    if not stat.S_ISREG(status.st_mode) or is_compressed(name):
        return None
    return Sight(pattern, name, os.path.realpath(name), Path(name).is_symlink(), status)
