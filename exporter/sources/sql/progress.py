"""From where to read next, so that no row is skipped although transactions end in another order than they took their numbers."""

from collections import deque
from collections.abc import Callable
from typing import Any

from exporter.core.retention import NOTHING_AGAIN, UNREAD


def _always(value: Any, at: float) -> bool:
    del value, at
    return True


class Progress:
    """Three places of one cursor: `settled` is behind everything that may still turn up, `head` is the last row read.

    A row with a lower number can become visible after one with a higher number, when its transaction ends later, but not
    more than `look_back` seconds later. So a place is settled when a reading began behind it, `look_back` after it was first
    reached. Only what is settled is kept by the store; from there it goes on after a restart.

    A cursor of local times goes back when summer time ends: `is_past` tells whether rows that are written from a time on can't have
    a lower value. Until then a place is not settled.

    Reading once more from the settled place costs as much as there is behind it. It takes a tenth of the time at most; in
    between only what is beyond the head is read.
    """

    def __init__(self, settled: Any, *, look_back: float, is_past: Callable[[Any, float], bool] = _always) -> None:
        self.settled = settled
        self.head = settled
        self._look_back = look_back
        self._is_past = is_past
        self._reached: deque[tuple[float, Any]] = deque()
        self._began = 0.0
        self._again_at = 0.0
        self._again = False
        self._unfinished: float | None = None
        self._is_known = False

    @property
    def since(self) -> float:
        """What may be read again was read at this time or later; UNREAD until a reading came to its end."""
        if not self._is_known:
            return UNREAD
        first = self._reached[0][0] if self._reached else NOTHING_AGAIN
        return min(first, NOTHING_AGAIN if self._unfinished is None else self._unfinished)

    def begin(self, now: float) -> Any:
        """Where the next reading starts."""
        self._began = now
        self._unfinished = now if self._unfinished is None else self._unfinished
        self._again = bool(self._reached) and now >= self._again_at
        return self.settled if self._again else self.head

    def settles(self, last: Any, now: float) -> bool:
        """Whether nothing can turn up any more behind a page that was asked for at `now`."""
        from_settled = self._again or not self._reached
        return self._look_back == 0 and from_settled and self._is_past(last, now)

    def read(self, last: Any, now: float) -> None:
        """A page that was asked for at `now` was taken in, down to its `last` value. Reading again reaches nothing new."""
        if self.settles(last, now):
            self.settled = self.head = last
            self._reached.clear()
        elif not self._again:
            self.head = last
            self._reached.append((now, last))

    def end(self, last: Any, now: float) -> None:
        """The reading came to its end, `last` being its start where nothing was found."""
        self._unfinished, self._is_known = None, True
        if not self._again:
            return
        self._again_at = now + 10 * (now - self._began)
        before, oldest = self.settled, self._began - self._look_back
        while self._reached and self._reached[0][0] <= oldest and self._is_past(self._reached[0][1], oldest):
            _, self.settled = self._reached.popleft()
        if last not in (before, self.head):
            self.head = last
            self._reached.append((self._began, last))
