"""How long a source waits after trouble."""

from random import Random

FIRST = 1.0
LAST = 60.0


class Backoff:
    """1 s, 2 s, 4 s … 60 s, each less a random part of up to a half: exporters that lost one server do not come back together."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next = FIRST

    def pause(self) -> float:
        """Seconds to wait now; the next time it is longer."""
        pause = self._next * self._random.uniform(0.5, 1.0)
        self._next = min(self._next * 2, LAST)
        return pause

    def reset(self) -> None:
        """All is well again."""
        self._next = FIRST
