"""Closing what must not stay half closed."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def to_the_end(closing: Coroutine[Any, Any, None]) -> None:
    """Await it; a source that is cancelled meanwhile is cancelled after that. A connection would otherwise stay open."""
    task = asyncio.ensure_future(closing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
