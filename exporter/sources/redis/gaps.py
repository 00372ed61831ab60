"""What a group was never given, because it was trimmed or deleted before. Redis tells nobody; its counters give it away."""

from dataclasses import dataclass

BEGINNING = "0-0"
_UNKNOWN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A stream and one of its groups at one moment.

    `added` is how many entries the stream ever had (None before Redis 7), and `read` how many of them the group has behind it, as
    far as Redis knows. `first`, `last` and `delivered` are the IDs of the first entry that is there, of the last that there ever
    was, and of the last that the group was given.
    """

    added: int | None
    length: int
    first: str
    last: str
    delivered: str
    read: int | None
    consumers: int

    @property
    def is_cut(self) -> bool:
        """The last entry that the group was given is gone, and so may be some behind it. Only then can a trim have taken any."""
        return self.length == 0 or order(self.delivered) < order(self.first)


@dataclass(frozen=True, slots=True)
class Gap:
    """So many entries between two IDs; `count` None where that can't be known."""

    count: int | None
    after: str
    before: str


@dataclass(frozen=True, slots=True)
class Passed:
    """Up to the entry `delivered` the group has so many behind it, those counted that it was never given."""

    delivered: str
    count: int


class Gaps:
    """Every entry that was added was given to the group, or waits for it, or is gone: what is told are those.

    How many the group has behind it is counted here and kept across restarts. Redis counts it too, but versions differ in whether
    they count what was skipped, and up to 7.2.4 a replica and a file that is loaded again fall behind. So its count is only used to
    follow what other consumers read, as long as a connection lasts.
    """

    def __init__(self, kept: str | None = None) -> None:
        self.is_known = kept is not None
        self.is_blind = False
        delivered, _, count = (kept or BEGINNING).partition(" ")
        self._delivered = delivered
        self._count = int(count) if count.isdecimal() else None
        self._offset: int | None = None

    @property
    def position(self) -> str | None:
        """What has to be kept before anything that was read is acknowledged; None while there was no group."""
        count = _UNKNOWN if self._count is None else str(self._count)
        return f"{self._delivered} {count}" if self.is_known else None

    def made(self, trimmed: int | None) -> None:
        """The group is a new one. What was trimmed before is no loss of its."""
        self._delivered, self._count, self._offset = BEGINNING, trimmed, None

    def unseen(self, now: Standing) -> Passed | None:
        """At a new connection: up to where the group is known, if it has moved on since. What it was given then is all pending, for
        its only consumer acknowledges nothing before the position is kept."""
        self._offset = None
        is_ahead = order(now.delivered) > order(self._delivered)
        if self._count is None or not is_ahead or now.consumers > 1:
            return None
        return Passed(self._delivered, self._count)

    def caught_up(self, passed: Passed) -> None:
        self._delivered, self._count = passed.delivered, passed.count

    def look(self, now: Standing) -> Gap | None:
        """Before anything is read."""
        return self.step(now, now, got=0, is_end=False)

    def step(self, before: Standing, after: Standing, *, got: int, is_end: bool) -> Gap | None:
        """What one reading passed over, with nothing else between the two standings. `is_end`: it left nothing."""
        self.is_known = True
        self.is_blind = before.added is None
        if before.added is None:
            self._keep(after, None)
            return None
        passed, gap = self._passed_by(before), None
        if before.is_cut or is_end:
            waiting = before.length if before.is_cut else got
            gap = self._gap(before, passed=passed, behind=before.added - waiting)
            passed = before.added - waiting
        self._keep(after, None if passed is None else passed + got)
        return gap

    def _passed_by(self, before: Standing) -> int | None:
        if before.delivered == self._delivered and self._count is not None:
            return self._count
        if before.read is not None and self._offset is not None:
            return before.read + self._offset
        return before.added if before.delivered == before.last else None

    def _gap(self, before: Standing, *, passed: int | None, behind: int) -> Gap | None:
        until = before.first if before.is_cut and before.length else before.last
        if passed is None:
            return Gap(None, before.delivered, until) if before.is_cut else None
        # What another consumer has passed over is for its exporter to tell.
        is_ours = before.is_cut or before.delivered == self._delivered
        return Gap(behind - passed, before.delivered, until) if is_ours and behind > passed else None

    def _keep(self, after: Standing, passed: int | None) -> None:
        self._delivered, self._count = after.delivered, passed
        self._offset = None if passed is None or after.read is None else passed - after.read


def order(entry_id: str) -> tuple[int, int]:
    """IDs as Redis orders them."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)
