"""A coroutine that runs without a task: a poll waits once or twice, and a task would cost more than the call itself."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Work = Coroutine[Any, None, None]
Over = Callable[["Errand", BaseException | None], None]


class Errand:
    """Goes on whenever the future that it waits for is done. What it runs may wait for futures, tasks and `asyncio.sleep`; what
    needs a task around it (`asyncio.timeout`) has to make one. `over` is told its end, and what it ended by."""

    __slots__ = ("_awaited", "_cancelled", "_loop", "_over", "_work")

    def __init__(self, work: Work, over: Over, loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self._over = over
        self._loop = loop
        self._awaited: asyncio.Future[Any] | None = None
        self._cancelled = False

    def run(self, done: "asyncio.Future[Any] | None" = None) -> None:
        """Up to the next wait, or to the end. `done` is what was waited for; its outcome is read by who awaits it."""
        try:
            gives_up = self._cancelled and done is None
            awaited = self._work.throw(asyncio.CancelledError()) if gives_up else self._work.send(None)
        except StopIteration:
            self._over(self, None)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  (who is told decides)
            self._over(self, error)
        else:
            self._awaited = awaited
            if awaited is None:
                # asyncio.sleep(0) gives way without anything to wait for.
                self._loop.call_soon(self.run)
            else:
                awaited.add_done_callback(self.run)

    def cancel(self) -> None:
        """As it is with a task: what is waited for is cancelled, and so is the wait."""
        self._cancelled = True
        if self._awaited is not None:
            self._awaited.cancel()
