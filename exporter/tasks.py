"""Tasks that go on when their caller is gone: each is kept until it ends, and none ends unheard."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from exporter.errors import ExporterError

Result = TypeVar("Result")


class Tasks:
    """`name` is where a defect is said to be."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def ended(self, grace: float | None = None) -> None:
        """Until all have ended, or for `grace` seconds."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=grace)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.ended()

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        """An error is its caller's to tell; where the caller has gone, trouble is nothing new, and a defect has to be told."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ExporterError):
            context = {"message": f"a defect in {self._name}", "exception": error, "task": task}
            asyncio.get_running_loop().call_exception_handler(context)
