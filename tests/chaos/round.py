"""One round: load and faults for some seconds, then quiet, then what the exporter says beside what was handed over."""

import asyncio
import shutil
import traceback
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import aiohttp

from tests.chaos import faults
from tests.chaos.cast import cast
from tests.chaos.disk import Disk
from tests.chaos.exporter import Exporter
from tests.chaos.leadsquared import ACCOUNTS, LeadSquared, simulator
from tests.chaos.operations import Operations
from tests.chaos.scene import Scene, Way
from tests.chaos.scrapes import Scraper, total
from tests.chaos.spans import Spans
from tests.chaos.truth import Truth
from tests.chaos.verdict import State, Verdict, state

SECONDS = 20.0
FINISH_SECONDS = 60.0
# A source waits after trouble; and where a reading of a table took seconds, the next one from before that comes ten times later.
QUIET_SECONDS = 75.0
STEADY_SECONDS = 3.0
# A round that takes so long beside its load does not end at all.
MOST_SECONDS = 300.0
POLICIES = ("learned", "age", "round_robin")
# The small one has room for all that a round is about.
DISKS = ("64m", "64m", "64m", "16m")
ZONES = ("UTC", "Asia/Kolkata", "America/New_York")


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a round. `problems` are broken promises."""

    seed: int
    handed: int
    excused: int
    scrapes: int
    problems: Sequence[str]
    summary: str

    def __str__(self) -> str:
        handed = f"{self.handed} RequestIDs, {self.excused} more that may be lost, {self.scrapes} scrapes"
        told = f"seed {self.seed}: {handed}: {self.summary}"
        replay = f"again: make sources SEED={self.seed}"
        return "\n".join([told, *self.problems, replay]) if self.problems else told


async def play(seed: int, *, seconds: float = SECONDS, only: Sequence[str] = (), kept: Path | None = None) -> Report:
    """`only` are the ways in that take part, all if there is none; `kept` is where the logs of a round with problems go."""
    with TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            round_ = await stack.enter_async_context(_staged(folder, seed, only))
            try:
                async with asyncio.timeout(seconds + MOST_SECONDS):
                    report = await round_.play(seconds)
            except Exception:  # noqa: BLE001  (whatever broke the round is what it found)
                report = round_.broken(traceback.format_exc())
        if report.problems and kept is not None:
            _keep(folder, kept / str(seed), report)
    return report


def _keep(folder: Path, kept: Path, report: Report) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    for name in ("exporter.log", "config.yaml", "events.txt"):
        shutil.copy(folder / name, kept / name)
    (kept / "report.txt").write_text(str(report))


@asynccontextmanager
async def _staged(folder: Path, seed: int, only: Sequence[str]) -> AsyncIterator["Round"]:
    chance = Random(f"{seed}/round")
    truth, spans = Truth(), Spans()
    disk = Disk(folder / "store", size=chance.choice(DISKS))
    disk.folder.mkdir()
    async with AsyncExitStack() as stack:
        stack.callback(disk.unmount)
        disk.mount()
        truth.tell(
            f"the disk of the store has {disk.size}" if disk.can_be_filled else "the disk of the store can't be filled"
        )
        timeout = aiohttp.ClientTimeout(total=15.0)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        upstream = stack.enter_context(simulator(folder, seed=seed))
        exporter = Exporter(
            folder,
            store=disk.folder,
            upstream=upstream,
            policy=chance.choice(POLICIES),
            zone=chance.choice(ZONES),
            truth=truth,
            spans=spans,
            session=session,
        )
        stack.push_async_callback(exporter.kill)
        scene = Scene("round", folder, chance, truth, spans, LeadSquared(upstream, session), exporter, session)
        ways = cast(scene, seed, only=only)
        for way in ways:
            stack.push_async_callback(way.close)
            await way.open()
        await exporter.start()
        operations = Operations(exporter, disk, truth=truth, spans=spans, chance=Random(f"{seed}/operations"))
        yield Round(seed, scene, ways, operations)


class Round:
    def __init__(self, seed: int, scene: Scene, ways: Sequence[Way], operations: Operations) -> None:
        self._seed = seed
        self._truth = scene.truth
        self._exporter = scene.exporter
        self._leadsquared = scene.leadsquared
        self._folder = scene.folder
        self._ways = ways
        self._operations = operations
        self._scraper = Scraper(scene.exporter, scene.truth)

    async def play(self, seconds: float) -> Report:
        verdict = Verdict(self._truth)
        scraping = asyncio.create_task(self._scraper.run())
        try:
            await self._disturb(seconds)
            await self._until_quiet()
            before = await self._state()
            verdict.judge(before, await self._leadsquared.fates(), when="after the load")
            if not verdict.problems:
                await self._restart(verdict, before)
        finally:
            scraping.cancel()
            await asyncio.wait([scraping])
        verdict.conclude(self._exporter.defects())
        self._write_events()
        return self._report(verdict)

    async def _state(self) -> State:
        return state(await self._exporter.metrics(), await self._exporter.requests())

    def broken(self, trace: str) -> Report:
        self._write_events()
        return Report(
            self._seed, self._truth.handed(), self._truth.excused(), self._scraper.scrapes, [trace], "the round broke"
        )

    async def _disturb(self, seconds: float) -> None:
        ended = asyncio.Event()
        offered = [*self._operations.faults(), *(one for way in self._ways for one in way.faults())]
        planned = faults.schedule(offered, Random(f"{self._seed}/faults"), seconds=seconds)
        running = {asyncio.create_task(way.run(ended)): way.name for way in self._ways}
        try:
            await asyncio.gather(faults.strike(planned), asyncio.sleep(seconds))
            self._truth.tell("the faults are over")
            ended.set()
            await self._finish(running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)
        for way in self._ways:
            await way.settle()

    async def _finish(self, running: Mapping[asyncio.Task[None], str]) -> None:
        """What is handed over again and again until it is taken in has to be taken in some time."""
        done, late = await asyncio.wait(running, timeout=FINISH_SECONDS)
        for task in late:
            self._truth.complain(f"{running[task]} is not taken in {FINISH_SECONDS:g} s after the last fault")
        for task in done:
            task.result()

    async def _until_quiet(self) -> None:
        """Until all that has to be there is there and has ended, and nothing moves; or it has had its time."""
        deadline = self._truth.now() + QUIET_SECONDS
        while self._truth.now() < deadline:
            await self._until_steady(deadline)
            # What may be lost and is there makes up for what is missing in the counts, not in the list.
            listed = {row["request_id"] for row in await self._exporter.requests()}
            if all(self._truth.due(account) <= listed for account in ACCOUNTS):
                return
            await asyncio.sleep(1.0)

    async def _until_steady(self, deadline: float) -> None:
        since, last = self._truth.now(), ""
        while self._truth.now() < deadline and self._truth.now() - since < STEADY_SECONDS:
            await asyncio.sleep(0.3)
            found = await self._scraper.scrape()
            ended = found is not None and not total(found, "pending")
            since = since if ended and str(found) == last else self._truth.now()
            last = str(found)

    async def _restart(self, verdict: Verdict, before: State) -> None:
        """Nothing is counted again, by whatever way the process ended."""
        for when, end in (("after SIGTERM", self._exporter.stop), ("after kill -9", self._exporter.kill)):
            await end()
            await self._exporter.start()
            await asyncio.sleep(STEADY_SECONDS)
            verdict.judge_restart(before, await self._state(), when=when)

    def _write_events(self) -> None:
        (self._folder / "events.txt").write_text("\n".join(self._truth.events()))

    def _report(self, verdict: Verdict) -> Report:
        counts = ", ".join(f"{count} {what}" for what, count in verdict.counts.items() if count)
        summary = "nothing was found" if not verdict.problems else counts or f"{len(verdict.problems)} problems"
        return Report(
            self._seed, self._truth.handed(), self._truth.excused(), self._scraper.scrapes, verdict.problems, summary
        )
