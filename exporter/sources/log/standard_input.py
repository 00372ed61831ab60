"""Standard input, as a log that can be read once only."""

import errno
import fcntl
import os
import select
import sys
from threading import Lock

from exporter.sources.log.opened import CHUNK, LONGEST_LINE, Lines

NAME = "-"


class StandardInput:
    """Keeps what was read until it is durable, for whoever reads it: a source that is replaced on reload loses nothing."""

    def __init__(self, descriptor: int = 0) -> None:
        self.ended = False
        self._descriptor = descriptor
        self._readable = _is_readable(descriptor)
        self._kept = bytearray()
        self._dropped = 0
        self._lock = Lock()

    @property
    def beginning(self) -> int:
        """Up to which byte everything is durable."""
        return self._dropped

    def peek(self, position: int) -> bytes:
        """What stands there, a whole line at least unless that is not there yet. Never waits. May raise OSError."""
        with self._lock:
            while b"\n" not in self._kept[position - self._dropped :]:
                if len(self._kept) + self._dropped - position >= LONGEST_LINE or not self._receive():
                    break
            return bytes(self._kept[position - self._dropped :])

    def forget(self, position: int) -> None:
        """Everything before is durable."""
        with self._lock:
            if position > self._dropped:
                del self._kept[: position - self._dropped]
                self._dropped = position

    def _receive(self) -> bool:
        if not self._readable:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if self.ended or not poll.poll(0):
            return False
        data = os.read(self._descriptor, CHUNK)
        self.ended = not data
        self._kept += data
        return bool(data)


def _is_readable(descriptor: int) -> bool:
    """A poll does not tell: it waits for ever for what is open for writing alone."""
    if descriptor == 0 and sys.stdin is None:
        # Python found it closed when it began; whatever was opened next, such as the database, has its number now.
        return False
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_WRONLY
    except OSError:
        return False


class InputReader:
    """Reads standard input from the first byte on that is not durable."""

    def __init__(self, source: StandardInput) -> None:
        self._source = source
        self._inside = False
        self.position = source.beginning

    def read(self) -> Lines | None:
        """The next whole lines, at the end of the input also a last one without its end. May raise OSError."""
        data, start = self._source.peek(self.position), self.position
        if not data:
            return None
        if self._inside:
            end = data.find(b"\n") + 1
            self._inside = not end
            self.position += end or len(data)
            return Lines(b"", start)
        end = data.rfind(b"\n") + 1 or (len(data) if self._source.ended else 0)
        if not end and len(data) < LONGEST_LINE:
            return None
        self._inside = not end
        self.position += end or len(data)
        return Lines(data[:end], start, too_long=not end)
