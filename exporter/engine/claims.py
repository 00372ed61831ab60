"""Which RequestIDs are being taken in: the store does not look for them yet, nor does memory know them."""

import asyncio
from collections.abc import Sequence, Set

Claim = tuple[Set[str], "asyncio.Future[None]"]


class Claims:
    """Nobody takes in a RequestID while somebody else does: the second one waits, and then knows it or has it for itself.

    Between a look for others and `hold` there may be no await.
    """

    def __init__(self) -> None:
        self._held: list[Claim] = []

    def others(self, names: Set[str]) -> Sequence["asyncio.Future[None]"]:
        """The ends of those who hold some of the names."""
        return [end for held, end in self._held if not names.isdisjoint(held)]

    async def released(self, names: Set[str]) -> bool:
        """Whether it had to be waited until nobody held any of the names."""
        waited = False
        while others := self.others(names):
            await asyncio.wait(others)
            waited = True
        return waited

    def hold(self, names: Set[str]) -> Claim:
        claim = names, asyncio.get_running_loop().create_future()
        self._held.append(claim)
        return claim

    def release(self, claim: Claim) -> None:
        self._held.remove(claim)
        claim[1].set_result(None)
