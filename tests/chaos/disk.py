"""The disk of the exporter's store: a small one of its own where root runs the round, so that it can become full."""

import os
import sqlite3
import subprocess
from contextlib import suppress
from pathlib import Path

_PART = 16 * 1024


class Disk:
    """`folder` is empty and the round's own; `size` as mount takes it."""

    def __init__(self, folder: Path, *, size: str) -> None:
        self.folder = folder
        self.size = size
        self.can_be_filled = False
        self._ballast = folder / "ballast"
        self._holder: sqlite3.Connection | None = None

    def mount(self) -> None:
        """Without the right to mount the round goes on, on the folder's own disk, which nobody may fill."""
        command = ("mount", "-t", "tmpfs", "-o", f"size={self.size}", "chaos", str(self.folder))
        with suppress(FileNotFoundError):
            self.can_be_filled = not subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode

    def unmount(self) -> None:
        self.unlock()
        if self.can_be_filled:
            subprocess.run(("umount", "--lazy", str(self.folder)), check=True)
            self.can_be_filled = False

    def fill(self) -> None:
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (_PART, 512, 1):
                with suppress(OSError):
                    while True:
                        os.write(descriptor, b"x" * size)
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def lock(self) -> None:
        """As a backup gone wrong holds it."""
        self._holder = sqlite3.connect(
            self.folder / "state.db", timeout=10.0, isolation_level=None, check_same_thread=False
        )
        with suppress(sqlite3.OperationalError):
            self._holder.execute("BEGIN IMMEDIATE")

    def unlock(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None
