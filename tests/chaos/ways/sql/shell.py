"""The database's own command line, a process for each transaction."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable


async def run(*command: str) -> str | None:
    """What it prints; None where it failed."""
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return told.decode() if not process.returncode else None


def values(request_ids: Iterable[str]) -> str:
    return ", ".join(f"('{one}')" for one in request_ids)
