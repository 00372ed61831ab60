"""Whether an account may be called at all: what trouble upstream does to its pace."""

from enum import StrEnum
from random import Random

from exporter.errors import CallError, Forbidden, RateLimited, Unauthorized

PROBE_SECONDS = 60.0
BACK_OFF_FIRST = 1.0
BACK_OFF_LAST = 60.0
STRIKES_UNTIL_DOWN = 3
PACE_LOWEST = 0.1
PACE_STEP = 0.1
RETRY_AFTER_LONGEST = 86400.0


class Mode(StrEnum):
    """`probing`: one call at a time until an answer shows that the key works."""

    CLOSED = "closed"
    PROBING = "probing"
    PAUSED = "paused"
    BACKING_OFF = "backing_off"
    UNAUTHORIZED = "unauthorized"


class Breaker:
    """One account's trouble, as a state.

    429 pauses for Retry-After or one period and halves the pace, which comes back by a tenth a period. 401 and 403 allow one
    probe a minute. Anything else backs off 1 s, 2 s, 4 s … 60 s, less a random part so that accounts do not come back
    together. After any of them, and at the start, a single call has to succeed before others follow: a bad key or a dead
    host is so found at the price of one call.
    """

    def __init__(self, *, period: float, random: Random) -> None:
        self.period = period
        self.up: bool | None = None
        self._random = random
        self._mode = Mode.PROBING
        self._until = 0.0
        self._decided = -1.0
        self._strikes = 0
        self._pace = 1.0
        self._paced_at = 0.0

    def opens_at(self) -> float:
        """No call before this time."""
        return self._until

    def at_once(self) -> int | None:
        """How many calls may be under way together; None without a bound."""
        return None if self._mode is Mode.CLOSED else 1

    def mode(self, now: float) -> Mode:
        if self._mode in (Mode.PAUSED, Mode.BACKING_OFF) and now >= self._until:
            return Mode.PROBING
        return self._mode

    def pace(self, now: float) -> float:
        """The part of the allowed calls to use: 1 in good times."""
        if self._pace >= 1.0:
            return 1.0
        periods = int((now - self._paced_at) / self.period)
        return min(1.0, self._pace + PACE_STEP * max(0, periods))

    def succeeded(self, *, sent: float) -> None:
        """The answer of a call sent at `sent` showed that the key works. One sent before the last trouble tells nothing new."""
        if sent < self._decided:
            return
        self._mode = Mode.CLOSED
        self._strikes = 0
        self.up = True

    def failed(self, error: CallError, *, sent: float, now: float) -> None:
        """A call sent at `sent` failed. Calls sent before the last decision tell nothing new and do not count again."""
        if sent < self._decided:
            return
        self._decided = now
        if self.up is None and not isinstance(error, RateLimited):
            # Nothing but failures has come back so far. A 429 is none: who is told to wait is not down.
            self.up = False
        if isinstance(error, RateLimited):
            self._pause(error, now)
        elif isinstance(error, Unauthorized | Forbidden):
            self._mode, self._until, self.up = Mode.UNAUTHORIZED, now + PROBE_SECONDS, False
        else:
            self._back_off(now)

    def _pause(self, error: RateLimited, now: float) -> None:
        wait = self.period if error.retry_after is None else min(error.retry_after, RETRY_AFTER_LONGEST)
        self._mode, self._until = Mode.PAUSED, now + wait
        self._pace = max(PACE_LOWEST, self.pace(now) / 2)
        self._paced_at = self._until

    def _back_off(self, now: float) -> None:
        self._strikes += 1
        longest = min(BACK_OFF_LAST, BACK_OFF_FIRST * 2.0 ** min(self._strikes - 1, 16))
        self._mode, self._until = Mode.BACKING_OFF, now + longest * self._random.uniform(0.5, 1.0)
        if self._strikes >= STRIKES_UNTIL_DOWN:
            self.up = False
