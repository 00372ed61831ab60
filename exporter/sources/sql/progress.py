"""From where to read next, so that no row is skipped although transactions end in another order than they took their numbers."""

from collections import deque
from typing import Any


class Progress:
    """Three places of one cursor: `settled` is behind everything that may still turn up, `head` is the last row read.

    A row with a lower number can become visible after one with a higher number, when its transaction ends later, but not
    more than `look_back` seconds later. So a place is settled when a reading began behind it, `look_back` after it was first
    reached. Only what is settled is kept by the store; from there it goes on after a restart.

    Reading once more from the settled place costs as much as there is behind it. It takes a tenth of the time at most; in
    between only what is beyond the head is read.
    """

    def __init__(self, settled: Any, *, look_back: float) -> None:
        self.settled = settled
        self.head = settled
        self._look_back = look_back
        self._reached: deque[tuple[float, Any]] = deque()
        self._began = 0.0
        self._again_at = 0.0
        self._again = False

    def begin(self, now: float) -> Any:
        """Where the next reading starts."""
        self._began = now
        self._again = bool(self._reached) and now >= self._again_at
        return self.settled if self._again else self.head

    def read(self, last: Any, now: float) -> None:
        """A page that was asked for at `now` was taken in, down to its `last` value. Reading again reaches nothing new."""
        if self._look_back == 0:
            self.settled = self.head = last
        elif not self._again:
            self.head = last
            self._reached.append((now, last))

    def end(self, last: Any, now: float) -> bool:
        """The reading came to its end, `last` being its start where nothing was found. Whether the settled place moved."""
        if not self._again:
            return False
        self._again_at = now + 10 * (now - self._began)
        before = self.settled
        while self._reached and self._reached[0][0] <= self._began - self._look_back:
            _, self.settled = self._reached.popleft()
        if last not in (before, self.head):
            self.head = last
            self._reached.append((self._began, last))
        return bool(self.settled != before)
