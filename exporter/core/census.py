"""The unfinished requests of one API, counted as the gauges show them."""

from exporter.core.ages import Ages
from exporter.core.columns import ROOM
from exporter.core.recency import Recency
from exporter.core.request import Progress


class Census:
    """Counts by progress, stuck ones by last step, ages, and who was asked about longest ago."""

    def __init__(self, ages: Ages) -> None:
        self.ages = ages
        self.recency = Recency()
        self.pending: dict[Progress, int] = {}
        self.stuck: dict[str, int] = {}
        self._is_stuck = bytearray()

    def enter(self, slot: int, progress: Progress) -> None:
        self._count(progress, 1)
        if slot >= len(self._is_stuck):
            self._is_stuck.extend(bytes(slot + ROOM - len(self._is_stuck)))
        self.ages.add(slot)
        self.recency.append(slot)

    def move(self, slot: int, before: Progress, after: Progress) -> None:
        self._count(before, -1)
        self._count(after, 1)
        if self._is_stuck[slot]:
            self._count_stuck(before, -1)
            self._count_stuck(after, 1)

    def leave(self, slot: int, progress: Progress) -> None:
        self._count(progress, -1)
        self.ages.drop(slot)
        self.recency.remove(slot)
        if self._is_stuck[slot]:
            self._is_stuck[slot] = False
            self._count_stuck(progress, -1)

    def stick(self, slot: int, progress: Progress) -> None:
        """The slot has become stuck."""
        self._is_stuck[slot] = True
        self._count_stuck(progress, 1)

    def unstick_all(self) -> None:
        """`stuck_after` was changed: nobody is stuck until found so again."""
        self.ages.restart()
        self._is_stuck = bytearray(len(self._is_stuck))
        self.stuck.clear()

    def _count(self, progress: Progress, by: int) -> None:
        self.pending[progress] = self.pending.get(progress, 0) + by

    def _count_stuck(self, progress: Progress, by: int) -> None:
        self.stuck[progress.last_step] = self.stuck.get(progress.last_step, 0) + by
