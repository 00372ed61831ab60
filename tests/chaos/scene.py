"""What every driver plays with."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

import aiohttp

from tests.chaos.exporter import Exporter
from tests.chaos.faults import Fault
from tests.chaos.leadsquared import LeadSquared
from tests.chaos.spans import Spans
from tests.chaos.truth import Handing, Truth


@dataclass(frozen=True, slots=True)
class Scene:
    """`name`, `folder` and `chance` are the driver's own."""

    name: str
    folder: Path
    chance: Random
    truth: Truth
    spans: Spans
    leadsquared: LeadSquared
    exporter: Exporter
    session: aiohttp.ClientSession

    async def submit(self, account: str, *, way: str, count: int = 1) -> list[Handing]:
        """New RequestIDs, about to be handed over."""
        names = [await self.leadsquared.submit(account) for _ in range(count)]
        return [self.truth.begin(name, account=account, way=way) for name in names]

    async def pause(self, least: float, most: float) -> None:
        await asyncio.sleep(self.chance.uniform(least, most))


class Way(Protocol):
    """One way in, with the program at its other end. Its sources are in the exporter's configuration once it is made."""

    name: str

    async def open(self) -> None:
        """Before the exporter starts."""

    async def run(self, ended: asyncio.Event) -> None:
        """Hand over until `ended`, and bring to its end what was begun."""

    async def settle(self) -> None:
        """Nothing happens any more: find out what is durable, and what is excused."""

    async def close(self) -> None:
        """End what was opened, however far it came."""

    def faults(self) -> list[Fault]: ...
