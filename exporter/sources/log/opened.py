"""One log file, open: it can be read to its end even after it was renamed or removed."""

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from exporter.sources.log.bookmark import WINDOW, Bookmark, Identity, digest, identity_of
from exporter.sources.log.family import looks_compressed

CHUNK = 256 * 1024
# A copy may end before the place that was read to: so many ends of lines are remembered, at least so far apart, each with a digest
# of what lies between it and the one before, to find a place up to which both files are the same.
TRAIL_STEP = 4 * 1024
# So much of the beginning of two files is compared at each look.
COMPARED = 1024 * 1024
TRAIL_PLACES = 32
LONGEST_LINE = 1024 * 1024


class RewrittenError(Exception):
    """What was read before is no longer there: the file was truncated, and may have grown again."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A regular file as a look finds it: `name` is that of the log, `path` that of the file behind all links.

    `pattern` is what the name matches; empty for an earlier generation.
    """

    pattern: str
    name: str
    path: str
    link: bool
    status: os.stat_result

    @property
    def identity(self) -> Identity:
        return identity_of(self.status)


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines, from the byte `start` of the file on. `too_long` tells of a line that is passed over."""

    data: bytes
    start: int
    too_long: bool = False


class _Descriptor:
    """Closed when nobody reads with it any more: a thread may still do so when its source has ended."""

    __slots__ = ("number",)

    def __init__(self, path: str) -> None:
        # Without O_NONBLOCK a pipe that took the file's place would be waited for.
        self.number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


class OpenedLog:
    """Reads on from `offset` in whole lines. Every method may raise OSError."""

    def __init__(self, sight: Sight, offset: int, *, now: float) -> None:
        self._descriptor = _Descriptor(sight.path)
        self.name, self.path, self.link = sight.name, sight.path, sight.link
        status = self.status()
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError
        self.identity = identity_of(status)
        self.modified = status.st_mtime_ns
        self.live = bool(sight.pattern)
        self.rewritten = False
        self.moved_at = now
        self.offset = min(offset, status.st_size)
        self._size = status.st_size
        self._inside = False
        window = min(self.offset, WINDOW)
        self._head = os.pread(self.number, window, 0)
        self._before = os.pread(self.number, window, self.offset - window)
        self._trail = Trail(((self.offset, ""),))

    @property
    def number(self) -> int:
        """The file descriptor."""
        return self._descriptor.number

    def status(self) -> os.stat_result:
        return os.fstat(self.number)

    def has_grown(self, now: float) -> bool:
        """Since the last time that this was asked. What comes without the end of its line is not read, and shows here alone."""
        size = self.status().st_size
        if size == self._size:
            return False
        self._size, self.moved_at = size, now
        return True

    def seen(self, sight: Sight) -> None:
        self.name, self.path, self.link, self.live = sight.name, sight.path, sight.link, True

    def is_compressed(self) -> bool:
        return looks_compressed(os.pread(self.number, 8, 0))

    def at_last_line(self, sight: Sight, now: float) -> "OpenedLog":
        """The same file, with only what comes after its last whole line left to read."""
        size = self.status().st_size
        window = min(size, WINDOW)
        ending = os.pread(self.number, window, size - window)
        return OpenedLog(sight, size - window + ending.rfind(b"\n") + 1, now=now)

    def restart(self) -> None:
        """From the beginning: other bytes are there now."""
        self.offset, self._inside, self._head, self._before = 0, False, b"", b""
        self._trail = Trail(((0, ""),))
        self.rewritten = False

    def continues(self, bookmark: Bookmark) -> bool:
        """Whether the same bytes lead up to the offset, as far as can be told; then the file is read on as the bookmark says."""
        same = self.offset == bookmark.offset and (digest(self._head), digest(self._before)) == (
            bookmark.head,
            bookmark.before,
        )
        self._inside = same and bookmark.inside
        if same and bookmark.trail:
            self._trail = Trail(bookmark.trail)
            last = bookmark.trail[-1][0]
            self._trail.add(os.pread(self.number, self.offset - last, last))
        return same

    def begins(self, original: "OpenedLog") -> bool:
        """Whether all that is in this file stands at the beginning of the other too: it is a copy, or becomes one."""
        size = self.status().st_size
        start, end = min(size, COMPARED), min(size, CHUNK)
        places = ((0, start), (size - end, end))
        return all(os.pread(self.number, length, at) == os.pread(original.number, length, at) for at, length in places)

    def known_until(self, bookmark: Bookmark) -> int:
        """The last place of that file's trail up to which this one is the same. 0 where there is none, as in a file that has but
        its first lines in common with that one."""
        if not bookmark.trail or digest(os.pread(self.number, min(WINDOW, bookmark.offset), 0)) != bookmark.head:
            return 0
        known, (start, chain) = 0, bookmark.trail[0]
        for place, expected in bookmark.trail[1:]:
            if linked(chain, os.pread(self.number, place - start, start)) != expected:
                break
            known = start = place
            chain = expected
        return known

    def read(self, *, to_the_end: bool = False) -> Lines | None:
        """The next lines, and go on behind them; None where there is no whole one. `to_the_end` takes a last line without
        its end, as the last one of a file that nobody writes to any more. Raises RewrittenError."""
        data = self._next()
        start = self.offset
        if self._inside:
            return self._pass_over(data)
        end = data.rfind(b"\n") + 1
        if end or (to_the_end and data):
            return Lines(self._advance(data[: end or len(data)]), start)
        if len(data) < LONGEST_LINE:
            return None
        self._inside = True
        self._advance(data)
        return Lines(b"", start, too_long=True)

    def bookmark(self, *, since: int = 0, closed: bool = False) -> Bookmark:
        device, inode = self.identity
        return Bookmark(
            name=self.name,
            path=self.path,
            link=self.link,
            device=device,
            inode=inode,
            offset=self.offset,
            head=digest(self._head),
            before=digest(self._before),
            closed=closed,
            inside=self._inside,
            since=since,
            trail=tuple(self._trail),
        )

    def _peek(self, size: int) -> bytes:
        """In one call with what has to stand before it: between two calls the file could be truncated and grow again."""
        self.modified = self.status().st_mtime_ns
        known = len(self._before)
        data = os.pread(self.number, known + size, self.offset - known)
        if data[:known] != self._before:
            self.rewritten = True
            raise RewrittenError
        return data[known:]

    def _next(self) -> bytes:
        """Enough to hold a whole line, or all that there is."""
        size = CHUNK
        while True:
            data = self._peek(size)
            if data.startswith(b"\0"):
                # A writer that does not append leaves a hole of zeros where the file was truncated under it.
                self._advance(data[: len(data) - len(data.lstrip(b"\0"))])
            elif len(data) < size or size >= LONGEST_LINE or b"\n" in data:
                return data
            else:
                size *= 4

    def _pass_over(self, data: bytes) -> Lines | None:
        """The rest of a line that is too long."""
        if not data:
            return None
        start, end = self.offset, data.find(b"\n") + 1
        self._inside = not end
        self._advance(data[:end] if end else data)
        return Lines(b"", start)

    def _advance(self, data: bytes) -> bytes:
        if len(self._head) < WINDOW and self.offset == len(self._head):
            self._head = (self._head + data[:WINDOW])[:WINDOW]
        self._before = (self._before + data[-WINDOW:])[-WINDOW:]
        self.offset += len(data)
        self._trail.add(data)
        if data.endswith(b"\n"):
            self._trail.mark(self.offset)
        return data


class Trail:
    """Places, each with a digest of the one before and of all bytes in between; the first may lie anywhere."""

    def __init__(self, places: Iterable[tuple[int, str]]) -> None:
        self._places = deque(places, maxlen=TRAIL_PLACES)
        self._since = blake2b(self._places[-1][1].encode(), digest_size=12)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self._places)

    def add(self, data: bytes) -> None:
        self._since.update(data)

    def mark(self, place: int) -> None:
        if place - self._places[-1][0] >= TRAIL_STEP:
            chain = self._since.hexdigest()
            self._places.append((place, chain))
            self._since = blake2b(chain.encode(), digest_size=12)


def linked(chain: str, data: bytes) -> str:
    return blake2b(chain.encode() + data, digest_size=12).hexdigest()
