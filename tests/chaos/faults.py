"""When what goes wrong: drawn from the seed before the round begins."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

FIRST = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` is told how many seconds to last. It happens `least` to `most` times in a round."""

    name: str
    strike: Callable[[float], Awaitable[None]]
    least: int
    most: int
    longest: float = 1.0


@dataclass(frozen=True, slots=True)
class Planned:
    at: float
    lasting: float
    fault: Fault


def schedule(faults: Sequence[Fault], chance: Random, *, seconds: float) -> list[Planned]:
    """The first two seconds are quiet: what never worked can't be disturbed."""
    planned = [
        Planned(chance.uniform(FIRST, seconds), chance.uniform(0.1, fault.longest), fault)
        for fault in faults
        for _ in range(chance.randint(fault.least, fault.most))
    ]
    return sorted(planned, key=lambda one: one.at)


async def strike(planned: Sequence[Planned]) -> None:
    """Until all is over."""
    async with asyncio.TaskGroup() as tasks:
        for one in planned:
            tasks.create_task(_strike(one))


async def _strike(planned: Planned) -> None:
    await asyncio.sleep(planned.at)
    await planned.fault.strike(planned.lasting)
