"""The unfinished requests of one API, counted as the gauges show them."""

from array import array
from collections.abc import Mapping, Sequence

from exporter.core.ages import Ages
from exporter.core.columns import reach
from exporter.core.recency import Recency
from exporter.core.request import Progress


class Census:
    """Counts by progress, stuck ones by last step, ages, and who was asked about longest ago."""

    def __init__(self, ages: Ages) -> None:
        self.ages = ages
        self.recency = Recency()
        self.pending: dict[Progress, int] = {}
        self.stuck: dict[str, int] = {}
        self._is_stuck = array("b")

    def enter(self, slots: Sequence[int], progresses: Mapping[Progress, int]) -> None:
        """Slots in the order in which they were asked about, and how many of them have made which progress."""
        for progress, count in progresses.items():
            self._count(progress, count)
        reach(max(slots), False, self._is_stuck)
        self.ages.add(slots)
        self.recency.append(slots)

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
        self._is_stuck = array("b", bytes(len(self._is_stuck)))
        self.stuck.clear()

    def _count(self, progress: Progress, by: int) -> None:
        self.pending[progress] = self.pending.get(progress, 0) + by

    def _count_stuck(self, progress: Progress, by: int) -> None:
        self.stuck[progress.last_step] = self.stuck.get(progress.last_step, 0) + by
