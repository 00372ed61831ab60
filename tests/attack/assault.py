"""Polls and calls through the gateway against the hostile server, and what has to hold whatever it does."""

import asyncio
import gc
import os
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

from exporter.clock import SteadyClock
from exporter.core.request import Report, Status
from exporter.core.vocabulary import snake
from exporter.errors import CallError
from exporter.leadsquared.client import Client
from exporter.leadsquared.network import NetworkTransport
from tests.attack.answers import SILENT_SECONDS, STEPS, Play, body
from tests.attack.server import Hostile
from tests.gateway.stage import SOURCE, Stage, request, staged

AT_ONCE = 16
TIMEOUT = 0.5
# What may pass beyond the limits of a call: the machine may be busy.
SLACK = 10.0
MOST_GROWTH_MIB = 24.0
# So many calls until all that is kept has its size.
WARM = 2000
# The gateway hands a stream on for as long as it goes on.
_GATEWAY_SECONDS = 25.0
# A machine that is busy for half a second is no finding.
_GOOD = ("good", "timeout", "given up", "504")


@dataclass
class Tally:
    """What was found is told with the number of its call; `outcomes` counts what calls ended as."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    calls: int = 0
    slowest: float = 0.0
    grown: float = 0.0

    def find(self, number: int, one: Play, what: str) -> None:
        self.findings.append(f"call {number} ({one.name}, then {one.end.name.lower()}): {what}")


class Silent:
    """A meter of calls that keeps nothing."""

    def call(self, account: str, endpoint: str, code: int | str, seconds: float) -> None: ...

    def call_error(self, account: str, endpoint: str, kind: str) -> None: ...


class Assault:
    """The calls of one seed. They never end by themselves."""

    def __init__(self, seed: int, server: Hostile, stage: Stage) -> None:
        self.tally = Tally()
        self.over = False
        self._server = server
        self._stage = stage
        self._account = stage.traffic.account
        self._numbers = count(1)
        self._chance = Random(seed)
        self._transport = NetworkTransport()
        self._client = Client(transport=self._transport, meter=Silent(), clock=SteadyClock(), timeout=TIMEOUT)

    async def run(self, until: float) -> None:
        async with asyncio.TaskGroup() as callers:
            for place in range(2 * AT_ONCE):
                callers.create_task(self._call_on(until, through_gateway=place % 2 == 1))
        self.over = True

    async def close(self) -> None:
        await self._transport.close()

    async def _call_on(self, until: float, *, through_gateway: bool) -> None:
        while time.monotonic() < until and len(self.tally.findings) < 20:
            number = next(self._numbers)
            one, began = self._server.play(number), time.monotonic()
            if through_gateway:
                outcome = await self._pass(number, one)
            else:
                outcome = await self._poll(number, one)
            self._judge(number, one, outcome, time.monotonic() - began, through_gateway=through_gateway)

    def _judge(self, number: int, one: Play, outcome: str, seconds: float, *, through_gateway: bool) -> None:
        tally = self.tally
        tally.calls += 1
        tally.outcomes[f"{'gateway' if through_gateway else 'poll'}: {outcome}"] += 1
        tally.slowest = max(tally.slowest, seconds)
        if seconds > (_GATEWAY_SECONDS if through_gateway else TIMEOUT) + SLACK:
            tally.find(number, one, f"took {seconds:.1f} s")
        if self._server.asked.pop(number, 0) > 1:
            tally.find(number, one, "arrived more than once")
        # Over a connection that an earlier answer has spoiled, a good one may be lost.
        if number in self._server.fresh and one.sound and outcome not in _GOOD:
            tally.find(number, one, f"ended as {outcome}")
        self._server.fresh.discard(number)

    async def _poll(self, number: int, one: Play) -> str:
        """What it ended as."""
        asking = self._client.status(self._account, self._account.apis["lead_update"], f"attack-{number}")
        gives_up = number % 20 == 0
        try:
            async with asyncio.timeout(self._chance.random() * 0.1 if gives_up else TIMEOUT + SLACK):
                report = await asking
        except CallError as error:
            return error.kind
        except TimeoutError:
            if not gives_up:
                self.tally.find(number, one, "hangs")
            return "given up"
        except Exception as error:  # noqa: BLE001  (whatever it is, it is none of ours)
            self.tally.find(number, one, f"ended as {error!r}")
            return "defect"
        expected = Report(Status.IN_QUEUE, snake(STEPS[number % len(STEPS)]), "none")
        if one.sound and report != expected:
            self.tally.find(number, one, f"was read as {report}")
        return "good"

    async def _pass(self, number: int, one: Play) -> str:
        submits = number % 4 < 2
        target = f"/lead/update?n=attack-{number}" if submits else f"/leads?n=attack-{number}"
        try:
            async with asyncio.timeout(self._chance.random() * 0.1 if number % 20 == 1 else _GATEWAY_SECONDS + SLACK):
                return await self._passed(number, one, request("POST" if submits else "GET", target))
        except TimeoutError:
            if number % 20 != 1:
                self.tally.find(number, one, "hangs in the gateway")
            return "given up"

    async def _passed(self, number: int, one: Play, message: bytes) -> str:
        reader, writer = await self._stage.connect()
        try:
            writer.write(message)
            answer = bytearray()
            # What is broken off is told by the end of the connection.
            with suppress(ConnectionError):
                while part := await reader.read(1 << 16):
                    answer += part
                    if _is_whole(answer):
                        break
        finally:
            writer.transport.abort()
        if not answer:
            return "broken off"
        if not one.sound or answer[9:12] != b"200":
            return bytes(answer[9:12]).decode("latin-1")
        if body(number) not in _content(bytes(answer)):
            self.tally.find(number, one, f"was answered with {bytes(answer[:200])!r}")
        return "good"


def _is_whole(answer: bytearray) -> bool:
    """As an application would see it, where no connection ends."""
    behind = answer.find(b"\r\n\r\n") + 4
    head = bytes(answer[:behind]).lower()
    if b"transfer-encoding: chunked" in head:
        return answer.endswith(b"\r\n\r\n") and answer.find(b"\r\n0\r\n", behind - 2) >= 0
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return length.isdigit() and len(answer) - behind >= int(length)


def _content(answer: bytes) -> bytes:
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return rest
    found = b""
    while rest and (length := int(rest.partition(b"\r\n")[0].partition(b";")[0], 16)):
        part = rest.partition(b"\r\n")[2]
        found, rest = found + part[:length], part[length + 2 :]
    return found


async def attack(seed: int, seconds: float) -> Tally:
    """Everything that was found."""
    server = Hostile(seed)
    loop = asyncio.get_running_loop()
    defects: list[str] = []
    loop.set_exception_handler(lambda _, context: defects.append(str(context.get("exception") or context["message"])))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        async with staged(lambda _: None, source=replace(SOURCE, timeout=TIMEOUT)) as stage:
            stage.traffic.account = replace(stage.traffic.account, base_url=url)
            assault = Assault(seed, server, stage)
            memory = asyncio.create_task(_memory(assault, stage))
            await assault.run(time.monotonic() + seconds)
            assault.tally.grown = await memory
            await assault.close()
        tally = assault.tally
        await _ended(server, tally)
    finally:
        listening.close()
        gc.collect()
        await asyncio.sleep(0)
        loop.set_exception_handler(None)
    if tally.grown > MOST_GROWTH_MIB:
        tally.findings.append(f"memory grew by {tally.grown:.1f} MiB")
    tally.findings += [f"a defect: {one}" for one in defects]
    return tally


async def _ended(server: Hostile, tally: Tally) -> None:
    """With the client and the gateway closed nothing is left of what they did."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SILENT_SECONDS + SLACK):
            while server.open:  # noqa: ASYNC110  (the other side ends by itself)
                await asyncio.sleep(0.01)
    if server.open:
        tally.findings.append(f"{server.open} connections are still open")


async def _memory(assault: "Assault", stage: Stage) -> float:
    """By how many MiB the process grew, once it was warm, until the calls ended; 0 where it never got warm."""
    warm: float | None = None
    now = 0.0
    while not assault.over:
        await asyncio.sleep(0.5)
        # What the twins remember of each call is none of the client's.
        stage.traffic.story.clear()
        stage.traffic.heard_of.clear()
        now = _resident_mib()
        if warm is None and assault.tally.calls >= WARM:
            warm = now
    return 0.0 if warm is None else now - warm


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
