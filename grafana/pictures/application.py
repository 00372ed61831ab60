"""A program that hands updates to LeadSquared and knows nothing of an exporter: its LeadSquared is at the gateway."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from random import Random

import aiohttp

from exporter.leadsquared.endpoints import BY_NAME, Endpoint

# Now and then it asks what became of an update, as all programs of its kind once did.
ASKS = 0.25
ASKS_AFTER = (1.0, 20.0)


class Application:
    """Submits `rate` updates a second, on average, to any of `apis`."""

    def __init__(self, gateway: str, *, key: str, rate: float, apis: Sequence[str], random: Random) -> None:
        self.rate = rate
        self._gateway = gateway
        self._key = key
        self._apis = [BY_NAME[name] for name in apis]
        self._random = random

    async def run(self) -> None:
        async with aiohttp.ClientSession(headers={"x-api-key": self._key}) as session, asyncio.TaskGroup() as questions:
            while True:
                await asyncio.sleep(self._random.expovariate(self.rate))
                endpoint = self._random.choice(self._apis)
                request_id = await submit(session, self._gateway, endpoint)
                if request_id is not None and self._random.random() < ASKS:
                    questions.create_task(self._ask(session, endpoint, request_id))

    async def _ask(self, session: aiohttp.ClientSession, endpoint: Endpoint, request_id: str) -> None:
        await asyncio.sleep(self._random.uniform(*ASKS_AFTER))
        with suppress(aiohttp.ClientError):
            await session.get(self._gateway + endpoint.status_path, params={"RequestID": request_id})


async def submit(session: aiohttp.ClientSession, url: str, endpoint: Endpoint) -> str | None:
    """The RequestID, if LeadSquared took the update."""
    try:
        answer = await session.post(url + endpoint.submit_path, json=[])
        found = await answer.json(content_type=None)
    except (aiohttp.ClientError, ValueError):
        return None
    return found.get("RequestID") if answer.ok else None
