"""Group commit: one thread that writes, and one transaction for all who wait."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol

from exporter.errors import StoreError, StoreFull, StoreUnavailable


class Transactions(Protocol):
    path: str

    def transact(self, work: Callable[[], None]) -> None:
        """All of it or nothing. Raises StoreError."""


@dataclass(slots=True)
class _Part:
    """What one caller wants to have in a transaction, and what came of it."""

    work: Callable[[], Any]
    answer: "asyncio.Future[Any]"
    outcome: Any = None


class Writer:
    """Whatever is asked for while one transaction runs is in the next one together.

    `on_commit` gets the seconds of each transaction, on the event loop.
    """

    def __init__(self, transactions: Transactions, *, name: str, on_commit: Callable[[float], None]) -> None:
        self._transactions = transactions
        self._on_commit = on_commit
        self._parts: SimpleQueue[_Part | None] = SimpleQueue()
        self._thread = Thread(target=self._write_all, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Needs a running event loop. A second start does nothing, nor does one after the stop."""
        self._loop = asyncio.get_running_loop()
        if self._thread.ident is None:
            self._thread.start()

    @property
    def runs(self) -> bool:
        return self._thread.is_alive()

    def do(self, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        """What `work` returned, once the disk has it. It begins whether or not it is awaited."""
        answer = asyncio.get_running_loop().create_future()
        if self._thread.is_alive():
            self._parts.put(_Part(work, answer))
        else:
            answer.set_exception(StoreUnavailable(f"{self._transactions.path}: the store is not open"))
        return answer

    async def stop(self) -> None:
        if self._thread.is_alive():
            self._parts.put(None)
            await asyncio.to_thread(self._thread.join)

    def _write_all(self) -> None:
        while (first := self._parts.get()) is not None:
            group = [first]
            last = False
            while not self._parts.empty():
                part = self._parts.get()
                if part is None:
                    last = True
                    break
                group.append(part)
            self._write(group)
            if last:
                return

    def _write(self, group: list[_Part]) -> None:
        began = time.perf_counter()
        try:
            self._transactions.transact(lambda: _do(group))
        except StoreError as error:
            if type(error) is StoreError and len(group) > 1:
                # A value of one of them does not fit: the others must not be refused with it.
                for part in group:
                    self._write([part])
                return
            for part in group:
                part.outcome = error
        except Exception as error:  # noqa: BLE001  (the thread serves all: it must outlive what nothing foresaw)
            self._defect(error)
            for part in group:
                part.outcome = StoreUnavailable(f"a defect in the store: {type(error).__name__}")
        self._tell(group, time.perf_counter() - began)

    def _defect(self, error: Exception) -> None:
        assert self._loop is not None  # noqa: S101
        if not self._loop.is_closed():
            context = {"message": "a defect in the store", "exception": error}
            self._loop.call_soon_threadsafe(self._loop.call_exception_handler, context)

    def _tell(self, group: list[_Part], seconds: float) -> None:
        assert self._loop is not None  # noqa: S101
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._answer, group, seconds)

    def _answer(self, group: list[_Part], seconds: float) -> None:
        for part in group:
            _settle(part.answer, part.outcome)
        self._on_commit(seconds)


def _do(group: list[_Part]) -> None:
    for part in group:
        try:
            part.outcome = part.work()
        except StoreFull as error:
            part.outcome = error


def _settle(answer: "asyncio.Future[Any]", outcome: Any) -> None:
    """A caller that went away has cancelled its answer."""
    if answer.done():
        return
    if isinstance(outcome, StoreError):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
