"""Waiting for what another program does."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Look again and again; a condition that does not come true in time fails the test."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (nobody here would set an event)
            await asyncio.sleep(0.01)
