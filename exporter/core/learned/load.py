"""How much there is to do: arrivals, finishes noticed of late, and how long requests last."""

from collections import deque
from math import exp, expm1

# Seconds for which arrivals are remembered, so that the pause between two bursts is no light load.
LULL = 600.0
# Seconds before the first arrival that count as watched: a lone request is no load of its own.
_BEFORE = 30.0
_RECENT_FINISHES = 100
_FLOOR = 1e-3
_LEAST_RATE = 1e-9


class Load:
    """Rates in requests a second. All times are seconds since the epoch."""

    def __init__(self) -> None:
        # Seconds from the submission to the answer that showed the finish, discounted.
        self.lasted = 0.0
        self._began: float | None = None
        self._arrived = self._arrived_at = 0.0
        self._finishes: deque[float] = deque(maxlen=_RECENT_FINISHES)

    def arrived(self, count: int, now: float) -> None:
        if self._began is None:
            self._began = self._arrived_at = now
        self._arrived = count + self._arrived * exp((self._arrived_at - now) / LULL)
        self._arrived_at = now

    def finished(self, lasted: float, now: float) -> None:
        """A finish was noticed, of a request that was submitted `lasted` seconds ago."""
        self._finishes.append(now)
        self.lasted += 0.05 * (lasted - self.lasted)

    def arrival_rate(self, now: float) -> float:
        """Requests that arrived a second, discounted; never 0."""
        began = now if self._began is None else self._began
        seconds = LULL * -expm1((began - _BEFORE - now) / LULL)
        return max(_LEAST_RATE, self._arrived * exp((self._arrived_at - now) / LULL) / seconds)

    def finish_rate(self, now: float) -> float:
        """Finishes noticed a second, of late."""
        if len(self._finishes) < 4:
            return 0.0
        return (len(self._finishes) - 1) / max(_FLOOR, now - self._finishes[0])

    def spare(self, rate: float, *, unfinished: int, origins: float, now: float) -> float:
        """Polls that `rate` calls a second give each request, of so many unfinished ones whose mean origin is `origins`."""
        by_finishes = rate / max(_LEAST_RATE, self.finish_rate(now))
        # While a backlog builds up there are few finishes yet, and the requests are young.
        by_ages = rate * max(self.lasted, now - origins) / unfinished
        return min(by_finishes, by_ages, rate / self.arrival_rate(now))
