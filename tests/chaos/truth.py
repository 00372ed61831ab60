"""The drivers' own list: what they handed over, when their side had it for good, and what happened meanwhile."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

AROUND_SECONDS = 2.5
# A transaction may have waited for its server.
SAME_SECONDS = 60.0


@dataclass(slots=True)
class Handing:
    """One way that a RequestID took, in seconds of the round.

    durable    since when the way holds it for good; None: nothing tells that it ever did
    withdrawn  it never was to be seen there (a transaction was rolled back)
    excuse     why the documentation allows that it is lost
    """

    request_id: str
    account: str
    way: str
    began: float
    durable: float | None = None
    withdrawn: bool = False
    excuse: str = ""

    @property
    def binding(self) -> bool:
        return self.durable is not None and not self.excuse

    def __str__(self) -> str:
        state = "withdrawn" if self.withdrawn else "outcome unknown" if self.durable is None else ""
        durable = "" if self.durable is None else f", durable at {self.durable:.2f} s"
        note = state or self.excuse
        return f"{self.way}: begun at {self.began:.2f} s{durable}{f' ({note})' if note else ''}"


@dataclass(frozen=True, slots=True)
class Event:
    """`way` is whom it concerns; empty: all."""

    at: float
    what: str
    way: str = ""

    def __str__(self) -> str:
        return f"{self.at:.2f} s {f'{self.way}: ' if self.way else ''}{self.what}"


@dataclass(slots=True)
class Complaint:
    """`first` is the whole of the first one."""

    first: str
    count: int = 0

    def __str__(self) -> str:
        return f"{self.first} ({self.count} times)" if self.count > 1 else self.first


@dataclass(slots=True)
class Truth:
    """`complaints` are broken promises that were seen on the way, by what is broken: the first one, and how often."""

    complaints: dict[str, Complaint] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _began_at: float = field(default_factory=time.time)
    _events: list[Event] = field(default_factory=list)
    _handings: dict[str, list[Handing]] = field(default_factory=dict)

    def now(self) -> float:
        return time.monotonic() - self._began

    def tell(self, what: str, *, way: str = "") -> None:
        self._events.append(Event(self.now(), what, way))

    def complain(self, what: str, details: str = "") -> None:
        first = f"at {self.now():.2f} s: {what}{f': {details}' if details else ''}"
        self.complaints.setdefault(what, Complaint(first)).count += 1

    def begin(self, request_id: str, *, account: str, way: str) -> Handing:
        handing = Handing(request_id, account, way, self.now())
        self._handings.setdefault(request_id, []).append(handing)
        return handing

    def durable(self, *handings: Handing) -> None:
        for one in handings:
            one.durable = self.now()

    def due(self, account: str) -> set[str]:
        """What has to be counted."""
        return {name for name, ways in self._of(account) if any(one.binding for one in ways)}

    def possible(self, account: str) -> set[str]:
        """What may be counted."""
        return {name for name, ways in self._of(account) if not all(one.withdrawn for one in ways)}

    def submitted_about(self, request_id: str, at: datetime) -> bool:
        """Whether that may be the time: a way tells when it took the request, or when it was submitted right before."""
        seconds = at.timestamp() - self._began_at
        ways = self._handings.get(request_id, ())
        return not ways or any(abs(seconds - one.began) <= SAME_SECONDS for one in ways)

    def names(self) -> set[str]:
        return set(self._handings)

    def ways(self, request_id: str) -> str:
        """The names of the ways that it took."""
        return " + ".join(sorted({one.way for one in self._handings.get(request_id, ())})) or "no known way"

    def story(self, request_id: str) -> list[str]:
        """The ways that it took, and what happened around each."""
        lines: list[str] = []
        for handing in self._handings.get(request_id, ()):
            lines.append(str(handing))
            lines += [f"  {event}" for event in self._around(handing)]
        return lines

    def events(self) -> list[str]:
        return [str(event) for event in self._events]

    def handed(self) -> int:
        """How many RequestIDs have a way that binds."""
        return sum(any(one.binding for one in ways) for ways in self._handings.values())

    def excused(self) -> int:
        """How many have none, and could be lost."""
        durable = [ways for ways in self._handings.values() if any(one.durable is not None for one in ways)]
        return len(durable) - self.handed()

    def _around(self, handing: Handing) -> list[Event]:
        at = handing.durable or handing.began
        return [one for one in self._events if one.way in ("", handing.way) and abs(one.at - at) <= AROUND_SECONDS]

    def _of(self, account: str) -> Iterable[tuple[str, list[Handing]]]:
        return ((name, ways) for name, ways in self._handings.items() if ways[0].account == account)
