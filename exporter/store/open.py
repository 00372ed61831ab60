"""The store that a storage.url means."""

from collections.abc import Callable
from pathlib import PurePath

from exporter.store.memory import MemoryStore
from exporter.store.spool import MemorySpool, Spool, SqliteSpool
from exporter.store.sqlite import SqliteStore
from exporter.store.store import Store


def open_store(url: str, on_commit: Callable[[float], None]) -> Store:
    """`memory://`, or `sqlite:///` and a path."""
    if url == "memory://":
        return MemoryStore()
    return SqliteStore(url.removeprefix("sqlite:///"), on_commit=on_commit)


def open_spool(url: str) -> Spool:
    """The spool that belongs to a storage.url: beside the file of the store, `state-spool.db` for `state.db`."""
    if url == "memory://":
        return MemorySpool()
    path = PurePath(url.removeprefix("sqlite:///"))
    return SqliteSpool(str(path.with_name(f"{path.stem}-spool{path.suffix}")))
