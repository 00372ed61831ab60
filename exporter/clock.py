"""The time, as one value that is handed in everywhere, and the wall clock beside it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

# The two clocks run at the same rate, so that they drift apart only where one is set. A smaller difference is no more than a
# process that was interrupted while it read them.
TOLERANCE = 0.1
READINGS = 5
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Read = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Boot:
    """One run of the machine: the name that its kernel drew, and what the wall clock shows beyond the seconds since then.

    Two processes that see the same name know by how much the wall clock was set between them.
    """

    name: str
    offset: float


class Clock(Protocol):
    """Steady seconds for windows, intervals and ages; and what the wall clock shows, for what comes from elsewhere, is kept or is
    shown. The steady ones begin with the wall clock's, never jump and never run backwards within one process."""

    def now(self) -> float: ...

    def ahead(self) -> float:
        """By how much the wall clock is ahead of `now`, because it was set since the start; 0.0 while it was not."""
        return 0.0

    def wall(self) -> float:
        """Seconds since the epoch, as the wall clock is set now."""
        return self.now() + self.ahead()

    def boot(self) -> Boot | None:
        """None where the machine does not tell."""
        return None


# Asked several times a poll: a function around it would cost more than the clock.
_since_boot: Final = partial(time.clock_gettime, time.CLOCK_BOOTTIME)


class SteadyClock(Clock):
    """The wall clock at the start, carried on by the boot-time clock.

    A stepped system clock (NTP, an operator) can so neither shorten a rate-limit window nor let a request finish before it
    was submitted. The boot-time clock also counts the time that a machine was suspended.
    """

    def __init__(self, *, wall: Read = time.time, since_boot: Read = _since_boot) -> None:
        self._wall = wall
        self._since_boot = since_boot
        self._offset = self._read_offset()
        self._ahead = 0.0
        self._boot = _boot_name()

    def now(self) -> float:
        return self._offset + self._since_boot()

    def ahead(self) -> float:
        ahead = self._wall() - self.now()
        if abs(ahead - self._ahead) > TOLERANCE:
            # Read again: the process may have been interrupted between the two clocks.
            ahead = self._read_offset() - self._offset
        if abs(ahead - self._ahead) > TOLERANCE:
            self._ahead = ahead if abs(ahead) > TOLERANCE else 0.0
        return self._ahead

    def boot(self) -> Boot | None:
        return None if self._boot is None else Boot(self._boot, self._offset + self.ahead())

    def _read_offset(self) -> float:
        """What the wall clock shows beyond the boot-time clock: of a few readings the one that was interrupted least."""
        readings = []
        for _ in range(READINGS):
            before, wall, after = self._since_boot(), self._wall(), self._since_boot()
            readings.append((after - before, wall - (before + after) / 2))
        return min(readings)[1]


def _boot_name() -> str | None:
    with suppress(OSError):
        return _BOOT_ID.read_text().strip() or None
    return None
