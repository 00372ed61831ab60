"""The store that a storage.url means."""

from collections.abc import Callable

from exporter.store.memory import MemoryStore
from exporter.store.sqlite import SqliteStore
from exporter.store.store import Store


def open_store(url: str, on_commit: Callable[[float], None]) -> Store:
    """`memory://`, or `sqlite:///` and a path."""
    if url == "memory://":
        return MemoryStore()
    return SqliteStore(url.removeprefix("sqlite:///"), on_commit=on_commit)
