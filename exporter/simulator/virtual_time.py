"""An event loop whose clock moves only when nothing is left to do: hours pass in seconds, and a run can be repeated."""

import asyncio
import selectors
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import TypeVarTuple

from exporter.clock import Boot, Clock

Arguments = TypeVarTuple("Arguments")

# Somewhere in 2026; any fixed time will do.
EPOCH = 1_780_000_000.0


class Crash(SystemExit):
    """The process is gone between two steps of its tasks. A SystemExit, because that is what an event loop lets through."""


class Deadlock(RuntimeError):
    """Every task waits for something that will never happen."""


class _Sleepless(selectors.SelectSelector):
    """Instead of waiting it moves the loop's clock."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.now = start

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is scheduled any more")
        if timeout > 0:
            self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop, Clock):
    """Runs callbacks in the order of their virtual time. `crash_at` steps from the start it raises Crash."""

    def __init__(self, *, start: float = EPOCH, crash_at: int | None = None) -> None:
        self._sleepless = _Sleepless(start)
        self._crash_at = crash_at
        self._lost: Callable[[], object] | None = None
        self.steps = 0
        super().__init__(self._sleepless)
        # A timer that is due now counts as due: the step of a float at the epoch is larger than asyncio's own tolerance.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._sleepless.now

    def now(self) -> float:
        """The same as a Clock."""
        return self.time()

    def boot(self) -> Boot:
        """One loop after the other runs on the same machine."""
        return Boot("virtual", self.ahead())

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._step, callback, args, context=context)

    def survive(self) -> None:
        """No crash from here on: the dead process is being swept up, with the step that the crash took away."""
        self._crash_at = None
        if self._lost is not None:
            self.call_soon(self._lost)

    def _step(self, callback: Callable[[*Arguments], object], args: tuple[*Arguments]) -> None:
        self.steps += 1
        if self._crash_at is not None and self.steps >= self._crash_at:
            self._lost = partial(callback, *args)
            raise Crash
        callback(*args)
