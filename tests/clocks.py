"""A machine whose clock can be set, and what its processes see of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from exporter.clock import Boot, Clock

# Seconds by which the clock of a machine is wrong, or is set.
STEPS = (-3600.0, -600.0, 600.0, 3600.0)


@dataclass(slots=True)
class Machine:
    """`true` tells the time as it is. The wall clock shows `offset` more; `offsets` are all that it has ever shown."""

    true: Callable[[], float]
    offset: float = 0.0
    boots: int = 0
    offsets: set[float] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.offsets.add(self.offset)

    def set(self, offset: float) -> None:
        self.offset = offset
        self.offsets.add(offset)

    def wall(self) -> float:
        return self.true() + self.offset

    def process(self) -> Clock:
        return ProcessClock(self)


class ProcessClock(Clock):
    """The wall clock at the start of the process, carried on by the time as it is."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._start = machine.offset

    def now(self) -> float:
        return self._machine.true() + self._start

    def ahead(self) -> float:
        return self._machine.offset - self._start

    def boot(self) -> Boot:
        return Boot(str(self._machine.boots), self._machine.offset)
