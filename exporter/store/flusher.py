"""Brings to the disk, right after its answer, what a transaction only handed to the operating system."""

import os
from contextlib import suppress
from threading import Event, Thread
from time import sleep

LINGER_SECONDS = 0.01


class Flusher:
    """A thread of its own, so that neither the answer nor the next transaction waits for the disk: there a flush takes longer
    than all the rest. Whatever is wanted while one flush runs is in the next one together."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-wal"
        self._wanted = Event()
        self._closing = False
        self._thread: Thread | None = None

    def want(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, name="store-flush", daemon=True)
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        self._closing = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            self._wanted.wait()
            # The answer that this flush follows must not have to share the interpreter with it.
            sleep(LINGER_SECONDS)
            self._wanted.clear()
            # A disk that fails tells it to the next transaction that waits for it.
            with suppress(OSError):
                self._flush()

    def _flush(self) -> None:
        """SQLite locks other files than its log, so that closing this one takes no lock away."""
        log = os.open(self._path, os.O_RDONLY)
        try:
            os.fdatasync(log)
        finally:
            os.close(log)
