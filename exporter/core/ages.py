"""How old the unfinished requests of one API are: the oldest, the stuck, the overdue."""

from collections.abc import Callable, Mapping, Sequence

from exporter.core.agenda import Agenda


class Ages:
    """Slots by the origin of their age (submission, or first sight where unknown).

    `origin` gives the exact origin of a slot. A slot that is put off keeps its place among the oldest but comes up as
    overdue later.
    """

    def __init__(
        self, *, epoch: float, stuck_after: float, give_up_after: float, origin: Callable[[int], float]
    ) -> None:
        self.stuck_after = stuck_after
        self.give_up_after = give_up_after
        self._origin = origin
        self._young = Agenda(epoch)
        self._stuck = Agenda(epoch)
        self._put_off = Agenda(epoch)

    def add(self, slots: Sequence[int]) -> None:
        self._young.put(slots, map(self._origin, slots))

    def drop(self, slot: int) -> None:
        self._young.drop(slot)
        self._stuck.drop(slot)
        self._put_off.drop(slot)

    def renew(self, slots: Sequence[int]) -> None:
        """The origins of these, which are all, have changed; none counts as stuck any more."""
        for slot in slots:
            self.drop(slot)
        self.add(slots)

    def restart(self) -> None:
        """Count nobody as stuck, after `stuck_after` changed."""
        while (slot := self._put_off.peek()) is not None:
            self._put_off.drop(slot)
        while (slot := self._stuck.peek()) is not None:
            self._stuck.drop(slot)
            self.add((slot,))

    def newly_stuck(self, now: float) -> list[int]:
        """Slots that have become stuck since the last call."""
        found = self._young.pop_all(now - self.stuck_after)
        self._stuck.put(found, map(self._origin, found))
        return found

    def overdue(self, now: float) -> list[int]:
        """Slots whose giving up is due; they do not come up again unless put off."""
        due = now - self.give_up_after
        return self._stuck.pop_all(due) + self._young.pop_all(due)

    def put_off(self, until: Mapping[int, float]) -> None:
        """Bring overdue slots up again, each at its time."""
        slots = list(until)
        self._stuck.put(slots, (time - self.give_up_after for time in until.values()))
        self._put_off.put(slots, map(self._origin, slots))

    def oldest(self) -> float | None:
        """The earliest origin; None when empty."""
        first = (self._stuck.peek(), self._young.peek(), self._put_off.peek())
        return min((self._origin(slot) for slot in first if slot is not None), default=None)
