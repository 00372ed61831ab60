"""What to poll next. A policy orders the unfinished requests of one account; it knows them by their slot, a small integer.

Overload only makes intervals longer: what is due longest goes first, and nothing is ever dropped.
"""

from typing import Protocol

from exporter.core.agenda import Agenda

# Asking again sooner than this can't bring news worth a call.
MIN_INTERVAL = 1.0


class Policy(Protocol):
    """Times are seconds since the epoch. `origin` is the submission of a request, or its first sight where unknown;
    `asked` is its last poll, None before the first."""

    def add(self, slot: int, *, origin: float, asked: float | None, now: float) -> None: ...

    def forget(self, slot: int) -> None:
        """The request ended, or may not be polled now."""

    def answer(self, slot: int, *, origin: float, now: float, not_before: float = 0.0) -> None:
        """A picked slot was polled; it comes up again, and not before `not_before`."""

    def next(self, now: float) -> int | None:
        """Pick the slot to poll now, and take it out until its answer; None when none is due."""

    def due(self) -> float | None:
        """When `next` will have something; None when nothing is left."""


class RoundRobin:
    """The one longest unpolled goes first."""

    def __init__(self, epoch: float) -> None:
        self._agenda = Agenda(epoch)

    def add(self, slot: int, *, origin: float, asked: float | None, now: float) -> None:
        del origin
        self._agenda.put(slot, now if asked is None else asked + MIN_INTERVAL)

    def forget(self, slot: int) -> None:
        self._agenda.drop(slot)

    def answer(self, slot: int, *, origin: float, now: float, not_before: float = 0.0) -> None:
        del origin
        self._agenda.put(slot, max(now + MIN_INTERVAL, not_before))

    def next(self, now: float) -> int | None:
        return self._agenda.pop(now)

    def due(self) -> float | None:
        return self._agenda.first()


class Age:
    """The older a request, the longer the pause: a tenth of its age, at least a second, never beyond `max_staleness`.

    A request that has lasted t seconds will most likely last some fraction of t more, so the delay until its finish is
    noticed stays in proportion to its duration.
    """

    def __init__(self, epoch: float, *, max_staleness: float, fraction: float = 0.1) -> None:
        self._agenda = Agenda(epoch)
        self._max_staleness = max_staleness
        self._fraction = fraction

    def add(self, slot: int, *, origin: float, asked: float | None, now: float) -> None:
        due = max(now, origin + MIN_INTERVAL) if asked is None else asked + self._pause(asked - origin)
        self._agenda.put(slot, min(due, now + MIN_INTERVAL) if asked is None else due)

    def forget(self, slot: int) -> None:
        self._agenda.drop(slot)

    def answer(self, slot: int, *, origin: float, now: float, not_before: float = 0.0) -> None:
        self._agenda.put(slot, max(now + self._pause(now - origin), not_before))

    def next(self, now: float) -> int | None:
        return self._agenda.pop(now)

    def due(self) -> float | None:
        return self._agenda.first()

    def _pause(self, age: float) -> float:
        return min(max(MIN_INTERVAL, self._fraction * age), self._max_staleness)


def policy(name: str, *, epoch: float, max_staleness: float) -> Policy:
    """The policy of that name, as the configuration gives it."""
    if name == "round_robin":
        return RoundRobin(epoch)
    return Age(epoch, max_staleness=max_staleness)
