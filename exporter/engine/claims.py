"""Which RequestIDs are being taken in: memory does not know them yet, and whether they are new is not yet decided."""

import asyncio
from collections.abc import Collection, Iterable, Set


class Claims:
    """One call at a time takes in a RequestID: another one waits for its end, and then knows it or has it for itself.

    Whoever finds no `others` for what is fresh claims it at once: with an await in between, both of two calls could.
    """

    def __init__(self) -> None:
        self._ends: dict[str, asyncio.Future[None]] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def others(self, names: Set[str]) -> Collection["asyncio.Future[None]"]:
        """The ends of the calls that take in some of the names now."""
        if not self._ends:
            return ()
        return {self._ends[name] for name in self._ends.keys() & names}

    def take(self, names: Set[str]) -> "asyncio.Future[None]":
        """The end of the claim, to be set with a result when all its names are released."""
        end = asyncio.get_running_loop().create_future()
        self._ends.update(dict.fromkeys(names, end))
        return end

    def release(self, end: "asyncio.Future[None]", names: Iterable[str]) -> None:
        """Names that were released already may be among them, and another call may have taken them since."""
        for name in names:
            if self._ends.get(name) is end:
                del self._ends[name]
