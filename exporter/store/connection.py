"""One SQLite file: its lock, its connection, and transactions of which it is known whether they took effect."""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.errors import StoreError, StoreFull, StoreUnavailable, StoreUnusable

BUSY_SECONDS = 0.5
# A checkpoint every 32 MB: random RequestIDs touch the same pages of the index again and again between two of them. On a small
# disk the log of changes must not fill what the database needs, or neither could be written any more.
_PAGE_BYTES = 4096
_CHECKPOINT_BYTES = 32_000_000
_CHECKPOINT_PART = 32
# What is kept free for finishing and pruning what was taken in, in checkpoints: the log, what it adds to the file, and as much
# again.
_RESERVE = 4
_RESERVE_BYTES = 64_000_000
_CACHE_KIBIBYTES = 16_000


@dataclass(frozen=True, slots=True)
class Schema:
    """`application_id` stands in the header of the file and tells it from one of another program. One entry of `migrations` a
    version; `setting` is what names the file in the configuration; `last_number` asks for the last of `take_numbers`.

    There is a table `meta (name, value)` with the row `batch`.
    """

    application_id: int
    migrations: Sequence[str]
    setting: str
    last_number: str = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence"


class Connection:
    """Every method raises StoreUnavailable or StoreUnusable; those that run a statement raise sqlite3.Error too, which
    `translated` turns into ours."""

    def __init__(self, path: str, schema: Schema) -> None:
        self.path = path
        self._folder = Path(path).absolute().parent
        self._schema = schema
        self._connection: sqlite3.Connection | None = None
        self._lock: int | None = None
        self._file: tuple[int, int] | None = None
        self._doubt: StoreUnusable | None = None
        self._committing = False
        self._mark: int | None = None
        self._number = 0

    def open(self) -> None:
        """Lock the file against other processes, create or migrate it."""
        folder = Path(self.path).resolve().parent
        if not folder.is_dir():
            raise StoreUnusable(f"{folder}: there is no such folder; {self._schema.setting} names a file in it")
        try:
            with translated(self.path):
                self._take_lock()
                self._create()
                self._file = self._identity()
                if self._connection is None:
                    self._connect()
                self._migrate()
        except StoreUnusable:
            # It does not get better: nothing of it stays open.
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._open().execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._open().executemany(sql, rows)

    def one(self, sql: str) -> Any:
        return self.run(sql).fetchone()[0]

    def take_numbers(self, count: int) -> int:
        """The first of so many numbers that were never given before. Only within a transaction."""
        first = self._number + 1
        self._number += count
        return first

    def require_room(self) -> None:
        """Raises StoreFull where only the reserve is left, for those who would add to what has to be finished."""
        disk = os.statvfs(self._folder)
        if not disk.f_blocks:
            return
        reserve = min(_RESERVE_BYTES, _RESERVE * self._checkpoint())
        if disk.f_bavail * disk.f_frsize < reserve:
            raise StoreFull(
                f"{self.path}: the disk is full but for {reserve / 1e6:.1f} MB that finishing needs; make room"
            )

    def transact(self, work: Callable[[], None]) -> None:
        """All of it or nothing. After an error that left a doubt whether the commit took effect, the mark tells."""
        mark = 0
        try:
            mark = self._begin()
            first = self._number
            work()
            given = self._number - first
            if not given:
                self.run("UPDATE meta SET value = value + 1 WHERE name = 'batch'")
            self._committing = True
            self.run("COMMIT")
            self._committing = False
            self._mark = mark + (given or 1)
        except BaseException as error:
            if not self._took_effect(mark):
                raise _ours(self.path, error) from error

    def mark(self) -> int:
        """Grows with each transaction that takes effect: by the numbers that it gave, or else by one."""
        return self._last_number() + int(self.one("SELECT value FROM meta WHERE name = 'batch'"))

    def snapshot(self) -> sqlite3.Connection:
        """A connection of its own, whose view is fixed now: writing may begin before the last row is read."""
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM meta").fetchone()
        return connection

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._connection.in_transaction:
            return self._connection  # It was looked at when the transaction began.
        if self._doubt is not None:
            raise self._doubt
        if self._file is not None and self._file != self._identity():
            raise StoreUnusable(f"{self.path}: was deleted or replaced while in use; put it back and restart")
        if self._connection is None:
            self._connect()
        assert self._connection is not None  # noqa: S101
        return self._connection

    def _checkpoint(self) -> int:
        """After so many bytes the log is written into the file."""
        disk = os.statvfs(self._folder)
        size = disk.f_blocks * disk.f_frsize
        # Some file systems tell none.
        return min(_CHECKPOINT_BYTES, max(_PAGE_BYTES, size // _CHECKPOINT_PART)) if size else _CHECKPOINT_BYTES

    def _connect(self) -> None:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # A container's root is read-only: there is no place for temporary files.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {self._checkpoint() // _PAGE_BYTES}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _take_lock(self) -> None:
        if self._lock is not None:
            return  # An earlier start failed after it.
        # The lock belongs to the open file and so to the process: kill -9 releases it.
        self._lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise StoreUnusable(
                f"{self.path}: is used by another process; give each its own {self._schema.setting}"
            ) from None

    def _create(self) -> None:
        """Only what is not there: to close a file gives up all locks that this process has on it, those of SQLite's connections
        too. Then another program that closes the database takes itself for the last one, and removes the log that we write to."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return

    def _migrate(self) -> None:
        version, migrations = int(self.one("PRAGMA user_version")), self._schema.migrations
        is_ours = int(self.one("PRAGMA application_id")) == self._schema.application_id
        if not is_ours and self.one("SELECT count(*) FROM sqlite_master"):
            raise StoreUnusable(f"{self.path}: is a database of another program; give another {self._schema.setting}")
        if version > len(migrations):
            raise StoreUnusable(
                f"{self.path}: was written by a newer version (schema {version}, this one knows {len(migrations)}); "
                f"run that version, or give another {self._schema.setting}"
            )
        for number, script in enumerate(migrations[version:], start=version + 1):
            # With the mark in the same transaction, or a first start that is killed in between leaves a file that looks foreign.
            marks = f"PRAGMA application_id = {self._schema.application_id}; PRAGMA user_version = {number}"
            self._open().executescript(f"BEGIN; {script}; {marks}; COMMIT;")

    def _begin(self) -> int:
        """The mark before the transaction. Nothing else writes, so that it is read once a connection."""
        self.run("BEGIN IMMEDIATE")
        if self._mark is None:
            self._number = self._last_number()
            self._mark = self.mark()
        return self._mark

    def _took_effect(self, mark: int) -> bool:
        """The connection that failed is asked first what the file says: on a full disk a new one may find no room to begin."""
        committing = self._committing
        self._committing = False
        self._mark = None
        try:
            self._undo()
            return committing and self.mark() > mark
        except (sqlite3.Error, StoreError):
            self._give_up()
        try:
            return committing and self.mark() > mark
        except (sqlite3.Error, StoreError) as error:
            # Neither answer would be safe: tried again it may be counted twice, taken for done it may be lost.
            self._doubt = StoreUnusable(
                f"{self.path}: it can't be read whether the last transaction took effect; mend the disk and restart"
            )
            raise self._doubt from error

    def _undo(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        # What a full disk left in the log may fit into the file, and then the log begins anew.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _give_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _last_number(self) -> int:
        return int(self.one(self._schema.last_number))

    def _identity(self) -> tuple[int, int]:
        try:
            found = os.stat(self.path)  # noqa: PTH116
        except FileNotFoundError:
            return (0, 0)
        return (found.st_dev, found.st_ino)


@contextmanager
def translated(path: str) -> Iterator[None]:
    """SQLite's errors as ours. What a full or locked disk causes may pass; a damaged file does not."""
    try:
        yield
    except Exception as error:
        raise _ours(path, error) from error


def _ours(path: str, error: BaseException) -> StoreError:
    """Raises the error itself where it is ours already, or a mistake of this program."""
    if isinstance(error, sqlite3.Error):
        return _translation(path, error)
    if isinstance(error, OverflowError | UnicodeError | TypeError | ValueError):
        return StoreError(f"{path}: a value does not fit into the database")
    if isinstance(error, OSError):
        return StoreUnavailable(
            f"{path}: {error.strerror}; storage.url must name a file in a folder that this user can write to"
        )
    raise error


def _translation(path: str, error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_SCHEMA")):
        return StoreUnusable(f"{path}: the database is damaged ({error}); restore it, or move it away to start anew")
    # Without a name it is the Python module that refuses a value.
    if not name or name.startswith(("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH")):
        return StoreError(f"{path}: a value does not fit into the database")
    if name.startswith("SQLITE_FULL"):
        return StoreUnavailable(f"{path}: the disk is full; make room")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreUnavailable(f"{path}: the database is locked by another program")
    if name.startswith("SQLITE_READONLY"):
        return StoreUnavailable(f"{path}: the database can't be written; check the file's and the folder's permissions")
    return StoreUnavailable(f"{path}: {error}")
