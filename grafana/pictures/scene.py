"""A quarter of an hour of two companies, lived through by the real programs, so that pictures of it show something real.

Nothing is made up: what goes wrong is done to the simulators, the files and the process while they run.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

import aiohttp

from exporter.leadsquared.endpoints import BY_NAME
from grafana.pictures.application import Application, submit
from grafana.pictures.stage import KEY, Stage

MINUTES: Final = 15.0
USUAL, IMPORT = 1.4, 7.0
NIGHTLY = "lead_update"


class Scene:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        random = Random(7)  # noqa: S311  (an arrival process, not a secret)
        self._acme, self._globex = (
            Application(stage.url(f"{account}_gateway"), key=KEY, rate=rate, apis=apis, random=random)
            for account, rate, apis in (
                ("acme", USUAL, ("lead_update", "lead_update", "activity_create")),
                ("globex", 0.6, ("lead_update", "opportunity_update")),
            )
        )

    async def act(self, seconds: float) -> None:
        """The applications work all the time; what happens to them comes at its part of `seconds`."""
        background = [asyncio.create_task(one.run()) for one in (self._acme, self._globex)]
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(seconds))
            for event in EVENTS:
                group.create_task(self._let(event, after=event.part * seconds))
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)

    async def _let(self, event: "Event", *, after: float) -> None:
        await asyncio.sleep(after)
        await event.happen(self)

    async def nightly(self, name: str, count: int) -> None:
        """A job that submits by itself, and leaves a file of the RequestIDs behind."""
        async with aiohttp.ClientSession(headers={"x-api-key": KEY}) as session:
            found = [await submit(session, self._stage.url("acme"), BY_NAME[NIGHTLY]) for _ in range(count)]
        groups = [{"api": NIGHTLY, "request_ids": [one for one in found if one]}]
        self._stage.write(f"{name}.json", json.dumps(groups))

    async def break_a_file(self) -> None:
        self._stage.write("tuesday.json", '[{"api": "lead_update", "request_ids": [')

    async def switch(self, account: str, switches: Mapping[str, object]) -> None:
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            await session.post(f"{self._stage.url(account)}/simulator/options", json={**switches})

    async def pace(self, rate: float) -> None:
        self._acme.rate = rate

    async def reload(self) -> None:
        self._stage.reload()

    async def restart(self) -> None:
        await asyncio.to_thread(self._stage.restart)


@dataclass(frozen=True, slots=True)
class Event:
    """`part` of the scene is over when it happens; `told` is what docs/dashboards.md says of it, nothing of an end."""

    part: float
    happen: Callable[[Scene], Awaitable[None]]
    told: str = ""


UNAVAILABLE: Final = {"fault.unavailable": 0.5, "fault.hang": 0.05, "fault.hang-for": "12s"}
FAILING: Final = {"queue.error": 0.9}
USUALLY: Final = {"queue.error": 0.02}
EVENTS: Final = (
    Event(
        0.10,
        lambda scene: scene.nightly("monday", 25),
        "a nightly job submits by itself and leaves a file of RequestIDs",
    ),
    Event(
        0.20, lambda scene: scene.switch("globex", UNAVAILABLE), "LeadSquared answers globex with 503, or not at all"
    ),
    Event(0.24, lambda scene: scene.switch("globex", {"fault.unavailable": 0.0, "fault.hang": 0.0})),
    Event(
        0.34,
        lambda scene: scene.pace(IMPORT),
        "acme imports more than the rate limit takes: 429s, and a queue of polls",
    ),
    Event(0.39, lambda scene: scene.pace(USUAL)),
    Event(
        0.46,
        lambda scene: scene.switch("globex", FAILING),
        "updates of globex end in ERROR until LeadSquared's retries succeed: stuck ones, and recovered ones",
    ),
    Event(0.58, lambda scene: scene.switch("globex", USUALLY)),
    Event(0.60, Scene.reload, "the configuration is read again"),
    Event(0.63, Scene.break_a_file, "a file of RequestIDs breaks"),
    Event(0.68, lambda scene: scene.nightly("tuesday", 15), "the file is mended"),
    Event(0.70, lambda scene: scene.switch("acme", {"answer.latency": "400ms"}), "LeadSquared answers acme slowly"),
    Event(0.75, lambda scene: scene.switch("acme", {"answer.latency": "30ms"})),
    Event(0.78, Scene.restart, "the exporter is restarted"),
    Event(
        0.82,
        lambda scene: scene.switch("globex", FAILING),
        "the ERRORs are back, and are there when the picture is taken",
    ),
)
