"""The exporter as a real process, which is killed, stopped and reloaded, and asked what it knows."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.chaos import spans
from tests.chaos.leadsquared import ACCOUNTS, KEYS
from tests.chaos.spans import Spans
from tests.chaos.truth import Truth
from tests.cli.process import environment
from tests.e2e.processes import free_port
from tests.e2e.stage import EXPORTER

READY_SECONDS = 60.0
RELOAD_SECONDS = 20.0
STOP_SECONDS = 40.0
_RELOADED = "leadsquared_exporter_config_last_reload_success_timestamp_seconds"
_DEFECTS = ("Traceback", "never retrieved", "msg=defect", 'msg="defect', "has a defect")


class Away(Exception):
    """The exporter does not answer, or not what was asked for: it is down, starts, or can't just now."""


@asynccontextmanager
async def _always() -> AsyncIterator[bool]:
    yield True


@dataclass(slots=True)
class Source:
    """One item of `sources`. `calm` holds the driver still while the source is renamed, and says whether it may be."""

    name: str
    settings: Mapping[str, object]
    calm: Callable[[], AbstractAsyncContextManager[bool]] = _always
    stays: bool = False
    present: bool = True
    generation: int = 0

    def item(self) -> dict[str, object]:
        ending = f"-{self.generation}" if self.generation else ""
        return {"name": f"{self.name}{ending}", **self.settings}


class Exporter:
    """`lock` is held by who stops, starts or reloads it."""

    def __init__(
        self,
        folder: Path,
        *,
        store: Path,
        upstream: str,
        policy: str,
        zone: str,
        truth: Truth,
        spans: Spans,
        session: aiohttp.ClientSession,
    ) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.sources: dict[str, Source] = {}
        self.lock = asyncio.Lock()
        self._folder = folder
        self._told = folder / "exporter.log"
        self._settings = _settings(store, upstream=upstream, policy=policy)
        self._variables = environment({"TZ": zone, "KEY": KEYS["acme"], "KEY_2": KEYS["acme-2"]})
        self._truth = truth
        self._spans = spans
        self._session = session
        self._process: asyncio.subprocess.Process | None = None

    def add(self, source: Source) -> None:
        self.sources[source.name] = source

    async def start(self) -> None:
        """Until it is ready. One that ends because its store is locked or its disk full is started again, as it would be."""
        deadline = self._truth.now() + READY_SECONDS
        while not await self._started():
            now = self._truth.now()
            excused = self._spans.touched(spans.STORE_TROUBLE, since=now - READY_SECONDS, until=now)
            if not excused or now > deadline:
                raise AssertionError(f"the exporter does not start:\n{self.story()[-3000:]}")
            self._truth.tell("the exporter can't start")
            await asyncio.sleep(0.5)
        self._begin_spans()
        self._truth.tell("the exporter is ready")

    async def _started(self) -> bool:
        self._configure()
        listen = f"--web.listen-address={self.url.removeprefix('http://')}"
        command = (*EXPORTER, f"--config.file={self._folder}/config.yaml", listen)
        descriptor = os.open(self._told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command, env=self._variables, cwd=self._folder, stdout=descriptor, stderr=descriptor
            )
        finally:
            os.close(descriptor)
        return await self._is_ready(self._process)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._truth.tell("kill -9 of the exporter")
            self._process.kill()
            self._spans.process_ended(self._truth.now(), killed=True)
            self._end_spans()
            await self._process.wait()

    async def stop(self) -> None:
        """By SIGTERM; one that does not end, or not with 0, breaks a promise."""
        assert self._process is not None
        self._truth.tell("SIGTERM to the exporter")
        self._end_spans()
        self._spans.process_ended(self._truth.now(), killed=False)
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                status = await self._process.wait()
        except TimeoutError:
            self._truth.complain(f"the exporter still runs {STOP_SECONDS:g} s after SIGTERM")
            await self.kill()
            return
        self._truth.tell(f"the exporter has ended with {status}")
        now = self._truth.now()
        # The last commit can't be made then, which the status says.
        if status and not self._spans.touched(spans.STORE_TROUBLE, since=now - STOP_SECONDS, until=now):
            self._truth.complain(f"the exporter ended with {status} after SIGTERM")

    async def reload(self) -> None:
        """Until the sources are those of the file."""
        assert self._process is not None
        before = (await self.metrics())[_RELOADED]
        self._configure()
        for one in self.sources.values():
            if not one.present:
                self._spans.end(spans.source(one.name), self._truth.now())
        self._process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(RELOAD_SECONDS):
            while (await self.metrics())[_RELOADED] == before:  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.1)
        for one in self.sources.values():
            if one.present and not self._spans.held(
                spans.source(one.name), since=self._truth.now(), until=self._truth.now()
            ):
                self._spans.begin(spans.source(one.name), self._truth.now())

    async def fetch(self, path: str) -> bytes:
        """Raises Away for all but a 200."""
        try:
            async with self._session.get(self.url + path) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Away(repr(error)) from error
        if answer.status != 200:
            raise Away(f"{answer.status} {body[:200]!r}")
        return body

    async def metrics(self) -> dict[str, float]:
        lines = [line for line in (await self.fetch("/metrics")).decode().splitlines() if not line.startswith("#")]
        return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}

    async def knows(self, request_id: str) -> bool:
        try:
            await self.fetch(f"/api/v1/requests/{request_id}")
        except Away:
            return False
        return True

    async def requests(self) -> list[dict[str, Any]]:
        """All that the list of the API tells, page by page."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = json.loads(await self.fetch(f"/api/v1/requests?limit=1000{cursor}"))
            found += page["requests"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def defects(self) -> list[str]:
        """Lines of the log that no operation explains."""
        lines = self._told.read_text(errors="replace").splitlines()
        return [line for line in lines if any(sign in line for sign in _DEFECTS)]

    def story(self) -> str:
        return self._told.read_text(errors="replace")

    def _configure(self) -> None:
        items = [one.item() for one in self.sources.values() if one.present]
        # JSON is YAML.
        (self._folder / "config.yaml").write_text(json.dumps({**self._settings, "sources": items}, indent=1))

    async def _is_ready(self, process: asyncio.subprocess.Process) -> bool:
        """Sooner or later; or it has ended."""
        async with asyncio.timeout(READY_SECONDS):
            while process.returncode is None:
                try:
                    await self.fetch("/-/ready")
                except Away:
                    await asyncio.sleep(0.05)
                else:
                    return True
        return False

    def _begin_spans(self) -> None:
        for what in (spans.EXPORTER, *(spans.source(one.name) for one in self.sources.values() if one.present)):
            self._spans.begin(what, self._truth.now())

    def _end_spans(self) -> None:
        for what in (spans.EXPORTER, *(spans.source(one.name) for one in self.sources.values())):
            self._spans.end(what, self._truth.now())


def _settings(store: Path, *, upstream: str, policy: str) -> dict[str, object]:
    limit = {"calls": 300, "period": "1s", "share": 1}
    keys = {"acme": "KEY", "acme-2": "KEY_2"}
    return {
        "accounts": [
            {"name": name, "base_url": upstream, "api_key_env": keys[name], "rate_limit": limit} for name in ACCOUNTS
        ],
        "polling": {"policy": policy},
        "queue_metrics": {"interval": "10s"},
        "storage": {"url": f"sqlite:///{store}/state.db"},
    }
