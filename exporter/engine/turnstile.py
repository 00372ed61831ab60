"""Lets calls out in small batches, so that a busy process still answers everything else in time."""

import asyncio
from collections import deque
from typing import Protocol

# Each turn of the event loop starts this many calls at most. Their answers come back in batches of the same size, so no
# turn gets longer than a few milliseconds, however many accounts there are.
BATCH = 8


class Passenger(Protocol):
    def step(self) -> bool:
        """Do one thing; whether there may be more to do at once."""


class Turnstile:
    """Passengers pass one by one and queue up again at the end, so that none holds up another."""

    def __init__(self) -> None:
        self._queue: deque[Passenger] = deque()
        self._waiting: set[Passenger] = set()
        self._turning = False
        self._loop = asyncio.get_running_loop()

    def enter(self, passenger: Passenger) -> None:
        """Queue up; once is enough."""
        if passenger in self._waiting:
            return
        self._waiting.add(passenger)
        self._queue.append(passenger)
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        queue, waiting = self._queue, self._waiting
        try:
            for _ in range(min(BATCH, len(queue))):
                passenger = queue.popleft()
                waiting.discard(passenger)
                if passenger.step() and passenger not in waiting:
                    waiting.add(passenger)
                    queue.append(passenger)
        finally:
            # A defect of one passenger must not stop the others.
            self._turning = bool(self._queue)
            if self._turning:
                self._loop.call_soon(self._turn)
