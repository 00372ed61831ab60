"""What to poll next. A policy orders the unfinished requests of one account; it knows them by their slot, a small integer.

Overload only makes intervals longer: what is due longest goes first, and nothing is ever dropped.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, NamedTuple, Protocol

from exporter.core.agenda import Agenda
from exporter.core.columns import reach

# Asking again sooner than this can't bring news worth a call.
MIN_INTERVAL = 1.0


class Unfinished(NamedTuple):
    """What a policy is told of a request. Times are seconds since the epoch. A tuple, because one is made for each intake.

    api       requests of one API share a queue, and so a policy's knowledge
    origin    submission, or first sight where unknown; `dated` tells which
    order     position in the order of submission; None where unknown
    asked     sending of the last poll that showed it unfinished; None before
    erring    that poll showed an ERROR, after which the vendor tries again
    """

    api: str
    origin: float
    dated: bool = True
    order: int | None = None
    asked: float | None = None
    erring: bool = False


@dataclass(frozen=True, slots=True)
class Undetected:
    """How many unfinished requests have finished already without our knowing: an estimate and its standard error."""

    requests: float
    error: float


class Policy(Protocol):
    """A slot that `next` gave is out until `again`, `finished` or `forget`."""

    @property
    def reason(self) -> str:
        """Why `next` gave its last slot."""

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], *, now: float) -> None:
        """Take in requests of one API, at least one, in the order of their submission where they have one."""

    def forget(self, slot: int) -> None:
        """The request ended, or may not be polled now. Nothing happens where the slot is unknown."""

    def unfinished(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        """A poll sent at `sent` showed the request unfinished."""

    def unchanged(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        """`unfinished` and `again` in one, for the many answers that bring no news."""

    def finished(self, slot: int, *, now: float) -> None:
        """An answer that arrived at `now` showed the request finished: it does not come up again."""

    def again(self, slot: int, *, now: float, not_before: float = 0.0) -> None:
        """The slot may be picked again, and not before `not_before`."""

    def next(self, now: float) -> int | None:
        """Pick the slot to poll now, and take it out; None when none is due."""

    def due(self) -> float | None:
        """When `next` may have something; None when nothing is left."""

    def place(self, slot: int, lower: float, upper: float) -> float:
        """When the request most plausibly finished, given that it did in (lower, upper]."""

    def undetected(self, api: str) -> Undetected | None:
        """None where nothing was sampled."""

    def pace(self, rate: float) -> None:
        """The calls/s that the budget allows now."""

    def blocked(self, until: float) -> None:
        """The budget allows no call before `until`."""

    def queue_speed(self, api: str, per_second: float, *, now: float) -> None:
        """The vendor's own figure of how many requests the queue of an API processes a second."""

    def state(self) -> Mapping[str, Any]:
        """What was learned, as JSON, for `restore` in a later process."""

    def restore(self, state: Mapping[str, Any]) -> None: ...


class Timed:
    """A Policy that only looks at the clock: each request is due some time after its last poll."""

    reason = "due"

    def __init__(self, epoch: float) -> None:
        self._agenda = Agenda(epoch)
        self._origins = array("d")

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], *, now: float) -> None:
        reach(max(slots), nan, self._origins)
        for slot, request in zip(slots, requests, strict=True):
            self._origins[slot] = request.origin
        self._agenda.put(slots, [self.first(request, now) for request in requests])

    def forget(self, slot: int) -> None:
        self._agenda.drop(slot)
        if slot < len(self._origins):
            self._origins[slot] = nan

    def unfinished(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        """The clock tells all."""

    def unchanged(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        self.again(slot, now=now)

    def finished(self, slot: int, *, now: float) -> None:
        self.forget(slot)

    def again(self, slot: int, *, now: float, not_before: float = 0.0) -> None:
        if slot < len(self._origins) and not isnan(self._origins[slot]):
            self._agenda.put_one(slot, max(now + self.pause(now - self._origins[slot]), not_before))

    def next(self, now: float) -> int | None:
        return self._agenda.pop(now)

    def due(self) -> float | None:
        return self._agenda.first()

    def place(self, slot: int, lower: float, upper: float) -> float:
        """The middle: off by half the window at most."""
        return (lower + upper) / 2

    def undetected(self, api: str) -> Undetected | None:
        """Nothing is sampled."""
        return None

    def pace(self, rate: float) -> None:
        """Whatever is due is asked for as soon as the budget allows."""

    def blocked(self, until: float) -> None:
        """As for `pace`."""

    def queue_speed(self, api: str, per_second: float, *, now: float) -> None:
        """The clock tells all."""

    def state(self) -> Mapping[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """There is nothing to restore."""

    def first(self, request: Unfinished, now: float) -> float:
        """When a request that is new here is due."""
        raise NotImplementedError

    def pause(self, age: float) -> float:
        """Seconds until a request of this age is due again."""
        raise NotImplementedError


class RoundRobin(Timed):
    """The one longest unpolled goes first."""

    def first(self, request: Unfinished, now: float) -> float:
        return now if request.asked is None else request.asked + MIN_INTERVAL

    def pause(self, age: float) -> float:
        del age
        return MIN_INTERVAL


class Fixed(Timed):
    """Every request each `interval` seconds: what most teams write first."""

    def __init__(self, epoch: float, interval: float) -> None:
        super().__init__(epoch)
        self._interval = interval

    def first(self, request: Unfinished, now: float) -> float:
        return (request.origin if request.asked is None else request.asked) + self._interval

    def pause(self, age: float) -> float:
        del age
        return self._interval


class Age(Timed):
    """The older a request, the longer the pause: a tenth of its age, at least a second, never beyond `max_staleness`.

    A request that has lasted t seconds will most likely last some fraction of t more, so the delay until its finish is
    noticed stays in proportion to its duration.
    """

    def __init__(self, epoch: float, *, max_staleness: float, fraction: float = 0.1) -> None:
        super().__init__(epoch)
        self._max_staleness = max_staleness
        self._fraction = fraction

    def first(self, request: Unfinished, now: float) -> float:
        if request.asked is None:
            return min(max(now, request.origin + MIN_INTERVAL), now + MIN_INTERVAL)
        return request.asked + self.pause(request.asked - request.origin)

    def pause(self, age: float) -> float:
        return min(max(MIN_INTERVAL, self._fraction * age), self._max_staleness)
