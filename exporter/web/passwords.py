"""Basic authentication: passwords against bcrypt hashes, off the event loop and at most once each."""

import asyncio
import os
from collections.abc import Mapping
from hashlib import blake2b

import bcrypt
from cachetools import LRUCache

from exporter.web.answers import Refusal

REMEMBERED = 100
MOST_WAITING = 16
# bcrypt looks at no more than that; its library raises an error instead of cutting.
_LONGEST = 72


class Passwords:
    """Remembers which pairs were right as keyed hashes, so that a scrape every second costs no bcrypt.

    An unknown name is checked against somebody's hash, so that the time taken does not tell which names exist. One check
    runs at a time: a flood of guesses must not take the processor from the polls.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self._decoy = next(iter(users.values()))
        self._key = os.urandom(32)
        self._right: LRUCache[bytes, bool] = LRUCache(REMEMBERED)
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def fit(self, user: str, password: str) -> bool:
        """Raises Refusal (429) while too many checks are waiting."""
        hashed = self._users.get(user)
        mark = self._mark(user, hashed or "", password)
        if mark in self._right:
            return True
        matches = await self._check(password, hashed or self._decoy)
        if hashed is None or not matches:
            return False
        self._right[mark] = True
        return True

    async def _check(self, password: str, hashed: str) -> bool:
        if self._waiting >= MOST_WAITING:
            raise Refusal(429, "too many passwords are being checked", headers={"Retry-After": "1"})
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(_matches, password, hashed)
        finally:
            self._waiting -= 1

    def _mark(self, user: str, hashed: str, password: str) -> bytes:
        parts = (part.encode("utf-8", "surrogatepass") for part in (user, hashed, password))
        return blake2b(b"\0".join(parts), key=self._key, digest_size=32).digest()


def _matches(password: str, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:_LONGEST], hashed.encode())
    except ValueError:
        return False
