"""Signals, from the first moment of the process to its last: none of those that operators send ever has its default action.

It imports next to nothing, because it comes before everything else.
"""

import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from types import FrameType

_ENDS: Final = {signal.SIGTERM: 0, signal.SIGINT: 130}
_CAUGHT: Final = (*_ENDS, signal.SIGHUP)


class Signals:
    """Those of the process. SIGTERM and SIGINT end it, SIGHUP reloads; before there is anything to reload it is remembered."""

    def __init__(self) -> None:
        self._early = False
        self._asked: set[int] = set()

    def catch(self) -> None:
        """From now on. What ends the process ends it at once: nothing has begun yet."""
        self._early = True
        for number in _CAUGHT:
            signal.signal(number, self._hear)

    def release(self) -> None:
        """Back to what a command has that only asks or prints something."""
        if self._early:
            self._early = False
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def deliver(self, loop: "AbstractEventLoop", *, end: "Callable[[], None]", reload: "Callable[[], None]") -> None:
        """To those whose matter it is, what came before too."""
        self._early = False
        for number in _CAUGHT:
            loop.add_signal_handler(number, end if number in _ENDS else reload)
        for asked in self._asked:
            loop.call_soon(end if asked in _ENDS else reload)
        self._asked.clear()

    def ignore(self, loop: "AbstractEventLoop") -> None:
        """The process is at its end already. An event loop that is closed gives signals their default action back."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _CAUGHT)
        try:
            for number in _CAUGHT:
                loop.remove_signal_handler(number)
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _CAUGHT)

    def _hear(self, number: int, _: "FrameType | None") -> None:
        self._asked.add(number)
        if number in _ENDS:
            raise SystemExit(_ENDS[signal.Signals(number)])


PROCESS: Final = Signals()
