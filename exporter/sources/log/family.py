"""Which names in a folder belong to one log: what rotation makes of the name, and what compression makes of that."""

import re
from collections.abc import Iterator

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma", ".zip", ".Z")
_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"PK\x03\x04")
# What rotation adds to a name: 1, 20260131, 2026-01-31T12:00:00, 20260131.2, old.
_TURN = re.compile(r"[0-9][0-9A-Za-z:._-]*|(?:old|prev|bak)(?:[._-][0-9A-Za-z:._-]*)?")
_SEPARATORS = "._-"
_DIGITS = re.compile("[0-9]+")


def is_compressed(name: str) -> bool:
    return name.endswith(_COMPRESSED)


def looks_compressed(beginning: bytes) -> bool:
    return beginning.startswith(_MAGIC)


def logs_of(name: str) -> Iterator[str]:
    """The names of the logs that a file of this name may be an earlier generation of, the longest first.

    A name alone does not tell: app-1.log is a log of its own, or app.log as it was before a rotation, and pod-0.log.1 may come
    from pod-0.log or from a log that is called pod. What there is, and what stands in it, decides.
    """
    yield from _before_turns(name)
    stem, _, ending = name.rpartition(".")
    if ending[:1].isalpha() and ending.isalnum():
        # With logrotate's `extension` the turn stands before it: app-20260131.log, app.1.log.
        yield from (f"{base}.{ending}" for base in _before_turns(stem))


def _before_turns(name: str) -> Iterator[str]:
    for place in range(len(name) - 1, 0, -1):
        if name[place] in _SEPARATORS and _TURN.fullmatch(name, place + 1):
            yield name[:place]


def template(name: str) -> str:
    """The same for all the files that a link points to in turn: app-1.log, app-2.log."""
    return _DIGITS.sub("#", name)
