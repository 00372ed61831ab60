"""Files as the `file` source sees them: found by patterns, compared by state, read as a whole."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from glob import glob
from hashlib import blake2b
from os import stat_result
from pathlib import Path

from exporter.errors import InvalidEntry, SourceUnreadable
from exporter.sources import groups
from exporter.sources.source import Entry

LARGEST = 64 * 1024 * 1024
_FORMATS = {
    ".json": groups.parse_json,
    ".yaml": groups.parse_yaml,
    ".yml": groups.parse_yaml,
    ".txt": groups.parse_text,
}

State = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes at one moment. `digest` tells whether they are new, whatever the file's times say; `whole` that no line waits
    for its end."""

    body: bytes
    digest: bytes
    whole: bool


def find(patterns: Iterable[str]) -> dict[str, State | SourceUnreadable]:
    """Every file that matches, with its state. A name without wildcards has to exist, a pattern may match nothing."""
    found: dict[str, State | SourceUnreadable] = {}
    for pattern in patterns:
        for name in _names(pattern):
            if name not in found:
                found[name] = _state(name)
    return found


def read(name: str, *, rests: bool) -> Content:
    """Raises SourceUnreadable. Half a RequestID looks like a whole one: unless the file `rests`, the last line of a text is left
    out where it has no end, and so is all of a YAML file that is made of lines."""
    try:
        with Path(name).open("rb") as file:
            body = file.read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(name, error) from error
    if len(body) > LARGEST:
        raise _too_large(name)
    whole = rests or not body or body.endswith(b"\n") or not _is_made_of_lines(name, body)
    if not whole:
        body = body[: body.rfind(b"\n") + 1] if is_text(name) else b""
    return Content(body, blake2b(body, digest_size=16).digest(), whole)


def parse(name: str, content: Content, terms: groups.Terms) -> list[Entry]:
    """Raises InvalidEntry."""
    read_format = _FORMATS.get(Path(name).suffix.lower())
    if read_format is None:
        raise InvalidEntry(f"its name must end in one of {' '.join(_FORMATS)}")
    return read_format(content.body, terms)


def _is_made_of_lines(name: str, body: bytes) -> bool:
    """Of brackets and braces, the last one tells that nothing is missing."""
    is_yaml = Path(name).suffix.lower() in (".yaml", ".yml")
    return is_text(name) or (is_yaml and not body.lstrip().startswith((b"[", b"{")))


def is_text(name: str) -> bool:
    return Path(name).suffix.lower() == ".txt"


def _names(pattern: str) -> list[str]:
    """A name with brackets may be a pattern and may be a name; what exists under it is meant."""
    if not any(character in pattern for character in "*?[") or Path(pattern).exists():
        return [pattern]
    return sorted(glob(pattern, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute patterns)


def _state(name: str) -> State | SourceUnreadable:
    """The state of the file behind all links, so that the swapped links of a mounted ConfigMap are seen."""
    try:
        found = Path(name).stat()
    except OSError as error:
        return _unreadable(name, error)
    if not stat.S_ISREG(found.st_mode):
        # Opening a pipe would wait for its other end for ever.
        return SourceUnreadable(f"{name}: it is not a file")
    return _too_large(name) if found.st_size > LARGEST else _signature(found)


def _signature(found: stat_result) -> State:
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def _unreadable(name: str, error: OSError) -> SourceUnreadable:
    return SourceUnreadable(f"{name}: can't be read: {error.strerror or 'unknown reason'}")


def _too_large(name: str) -> SourceUnreadable:
    return SourceUnreadable(f"{name}: is larger than {LARGEST // 1024 // 1024} MiB; split it")
