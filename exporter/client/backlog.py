"""What waits to be handed over, and when it is time to."""

from collections import deque

from exporter.client.submission import Submission


class Backlog:
    """Batches by count (`batch`) and by age (`linger`, seconds); never more than `limit`. `now` is in monotonic seconds."""

    def __init__(self, *, batch: int, linger: float, limit: int) -> None:
        if batch < 1 or limit < 1 or linger < 0:
            raise ValueError("batch and limit must be at least 1, linger at least 0")
        self._batch = batch
        self._linger = linger
        self._limit = limit
        self._waiting: deque[tuple[float, Submission]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, submission: Submission, *, now: float) -> bool:
        """False where there is no room."""
        if len(self._waiting) >= self._limit:
            return False
        self._waiting.append((now, submission))
        return True

    def rest(self, *, now: float) -> float | None:
        """Seconds until a batch is due, 0 where it is; None while nothing waits."""
        if not self._waiting:
            return None
        return 0.0 if len(self._waiting) >= self._batch else max(self._waiting[0][0] + self._linger - now, 0.0)

    def take(self) -> list[Submission]:
        """The oldest, at most a batch of them."""
        return [self._waiting.popleft()[1] for _ in range(min(self._batch, len(self._waiting)))]

    def clear(self) -> int:
        """How many are given up."""
        count = len(self._waiting)
        self._waiting.clear()
        return count
