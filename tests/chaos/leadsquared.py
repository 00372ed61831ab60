"""The simulator as LeadSquared: a process with two accounts, and what it knows of every request."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.e2e.processes import eventually, fetch, free_port, running
from tests.e2e.stage import EXPORTER

ACCOUNTS = ("acme", "acme-2")
KEYS = {"acme": "stage-key", "acme-2": "stage-key-2"}
_FLAGS = (
    "--account=acme",
    "--key=stage-key",
    "--accounts=2",
    "--rate=none",
    "--queue.rate=0",
    "--queue.workers=100",
    "--seed=0",
)


@dataclass(frozen=True, slots=True)
class Fate:
    """`status` is None while the request is in its queue."""

    account: str
    status: str | None


class LeadSquared:
    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def submit(self, account: str) -> str:
        """As an application does; the RequestID."""
        headers = {"x-api-key": KEYS[account]}
        async with self._session.post(f"{self.url}/lead/update", data=b"[]", headers=headers) as answer:
            request_id: str = json.loads(await answer.read())["RequestID"]
            return request_id

    async def fates(self) -> dict[str, Fate]:
        """By RequestID."""
        async with self._session.get(f"{self.url}/simulator/requests") as answer:
            traces = [json.loads(line) for line in (await answer.read()).splitlines()]
        return {one["request_id"]: Fate(one["account"], one["status"]) for one in traces}


@contextmanager
def simulator(folder: Path, *, seed: int) -> Iterator[str]:
    """Its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    listen = f"--web.listen-address={url.removeprefix('http://')}"
    work = ("--queue.service-time=300ms", "--queue.failure=0.1", f"--seed={seed}")
    with running(*EXPORTER, "upstream", listen, *_FLAGS, *work, told=folder / "upstream.log"):
        eventually(lambda: fetch(f"{url}/simulator/truth"), fits=bool)
        yield url
