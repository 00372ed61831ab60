"""The time, as one value that is handed in everywhere."""

from time import CLOCK_BOOTTIME, clock_gettime, time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch that never jump and never run backwards within one process."""

    def now(self) -> float: ...


class SteadyClock:
    """The wall clock at the start, carried on by the boot-time clock.

    A stepped system clock (NTP, an operator) can so neither shorten a rate-limit window nor let a request finish before it
    was submitted. The boot-time clock also counts the time that a machine was suspended.
    """

    def __init__(self) -> None:
        self._offset = time() - clock_gettime(CLOCK_BOOTTIME)

    def now(self) -> float:
        return self._offset + clock_gettime(CLOCK_BOOTTIME)
