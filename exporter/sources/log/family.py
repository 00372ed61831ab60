"""Which names in a folder belong to one log: what rotation makes of the name, and what compression makes of that."""

import re
from collections.abc import Iterator

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma", ".zip", ".Z")
_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"PK\x03\x04")
_TURN = r"[._-](?:[0-9][0-9A-Za-z:._-]*|old|prev|bak)"
# app.log.1, app.log-20260131, app.log.2026-01-31
_AFTER = re.compile(f"(.+?){_TURN}")
# app-20260131.log, app.1.log
_WITHIN = re.compile(rf"(.+?){_TURN}(\.[A-Za-z]+)")
_DIGITS = re.compile("[0-9]+")


def is_compressed(name: str) -> bool:
    return name.endswith(_COMPRESSED)


def looks_compressed(beginning: bytes) -> bool:
    return beginning.startswith(_MAGIC)


def logs_of(name: str) -> Iterator[str]:
    """The names of the logs that a file of this name may be an earlier generation of."""
    after = _AFTER.fullmatch(name)
    while after is not None:
        yield after[1]
        after = _AFTER.fullmatch(after[1])
    if (within := _WITHIN.fullmatch(name)) is not None:
        yield within[1] + within[2]


def template(name: str) -> str:
    """The same for all the files that a link points to in turn: app-1.log, app-2.log."""
    return _DIGITS.sub("#", name)
