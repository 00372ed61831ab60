"""How much of the price that was planned for a poll is asked at light load.

Polls are saved where they would find nothing: one that finds a finish had to be made anyway, and the later it is made the later the
finish is noticed. Where most of them find one, the models expect too little, and the price falls until that is no longer so.
"""

from math import exp

# While more of the polls than this find a finish, the price falls.
ENOUGH = 0.6
_STEP = 0.3
_LEAST = 1e-4
_FOUND, _NOT_FOUND = exp(-_STEP * (1 - ENOUGH)), exp(_STEP * ENOUGH)


class Thrift:
    """`part` of the planned price is asked, at most all of it."""

    def __init__(self) -> None:
        self.part = 1.0

    def polled(self, *, found: bool) -> None:
        """What a poll showed that was worth its price."""
        self.part = min(1.0, max(_LEAST, self.part * (_FOUND if found else _NOT_FOUND)))
