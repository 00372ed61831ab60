"""Basic authentication: passwords against bcrypt hashes, off the event loop and one at a time."""

import asyncio
import os
from collections.abc import Mapping
from hashlib import blake2b

import bcrypt

from exporter.web.answers import Refusal
from exporter.web.turns import Crowded, Turns

# bcrypt looks at no more than that; its library raises an error instead of cutting.
_LONGEST = 72
# A hash that no password fits, whatever its cost.
_DECOY = "$2b${cost:02}$" + "." * 53
_STRANGER = ""


class Passwords:
    """Remembers which pair of each user was right, as a keyed hash, so that a scrape every second costs no bcrypt.

    A wrong pair takes the time of the most expensive hash, whoever the user is, so that it does not tell which names exist. One
    check runs at a time, and clients take turns: a flood of guesses must take neither the processor from the polls nor the
    turn from others.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._key = os.urandom(32)
        self._right: dict[str, bytes] = {}
        self._turns = Turns()
        self.change(users)

    def change(self, users: Mapping[str, str]) -> None:
        """What was right stays known for as long as its hash is the same."""
        self._users = users
        self._dearest = max((_cost(hashed) for hashed in users.values()), default=0)
        self._right = {user: mark for user, mark in self._right.items() if user in users}

    @property
    def in_use(self) -> bool:
        return bool(self._users)

    async def fit(self, user: str, password: str, *, peer: str) -> bool:
        """`peer` is whose turn it takes. Raises Refusal (429) while too many of its checks are waiting."""
        hashed = self._users.get(user)
        mark = self._mark(user, hashed or "", password)
        if hashed is not None and self._right.get(user) == mark:
            return True
        if not await self._check(password, hashed, line=(peer, _STRANGER if hashed is None else user)):
            return False
        if self._users.get(user) == hashed:
            self._right[user] = mark
        return True

    async def _check(self, password: str, hashed: str | None, *, line: tuple[str, str]) -> bool:
        try:
            async with self._turns.turn(line):
                return await asyncio.to_thread(_matches, password, hashed, self._dearest)
        except Crowded as error:
            raise Refusal(429, "too many passwords are being checked", headers={"Retry-After": "1"}) from error

    def _mark(self, user: str, hashed: str, password: str) -> bytes:
        parts = (part.encode("utf-8", "surrogatepass") for part in (user, hashed, password))
        return blake2b(b"\0".join(parts), key=self._key, digest_size=32).digest()


def _matches(password: str, hashed: str | None, dearest: int) -> bool:
    """A hash of cost c and decoys of c, c + 1 … take together as long as one of the dearest."""
    if hashed is None:
        _fits(password, _DECOY.format(cost=dearest))
        return False
    if _fits(password, hashed):
        return True
    for cost in range(_cost(hashed), dearest):
        _fits(password, _DECOY.format(cost=cost))
    return False


def _fits(password: str, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:_LONGEST], hashed.encode())
    except ValueError:
        return False


def _cost(hashed: str) -> int:
    return int(hashed.split("$")[2])
