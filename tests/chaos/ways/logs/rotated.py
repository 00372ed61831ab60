"""Applications that log, beside the real logrotate."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene
from tests.chaos.threads import in_thread
from tests.chaos.truth import Handing
from tests.chaos.ways.logs.pattern import BANNER, PATTERN, line
from tests.chaos.ways.logs.rotation import Rotation
from tests.rotation import Logrotate

# The exporter looks twice a second, and a busy machine takes its time.
SEEN_SECONDS = 2.5
KNOWN_SECONDS = 3.0
_EXCUSE = "its generation was packed or moved away while the exporter could not read it"


@dataclass(slots=True)
class Generation:
    """What went into one file. `vanished` is when only who had it open could still read it."""

    created: float
    handings: list[Handing] = field(default_factory=list)
    vanished: float | None = None


class RotatedLog:
    """One log and its application, which writes one line after the other."""

    def __init__(self, path: Path, rotation: Rotation, scene: Scene, *, way: str, banner: bool) -> None:
        self.turning = asyncio.Lock()
        self._path = path
        self._rotation = rotation
        self._scene = scene
        self.way = f"{way}/{path.name}"
        self._banner = banner
        self._writing = asyncio.Lock()
        self._generations = [Generation(scene.truth.now())]
        self._held: IO[str] | None = None
        folder = scene.folder / "logrotate" / path.name
        folder.mkdir(parents=True)
        (path.parent / "old").mkdir(parents=True, exist_ok=True)
        self._logrotate = Logrotate(folder, path, rotation.directives)

    async def write(self, handing: Handing) -> None:
        """A whole line, or one in two parts with a pause between them."""
        text = line(handing.request_id)
        pause = self._scene.chance.uniform(0.1, 1.5) if self._scene.chance.random() < 0.05 else 0.0
        async with self._writing:
            file = self._open()
            try:
                if pause:
                    file.write(text[:40])
                    file.flush()
                    await asyncio.sleep(pause)
                    text = text[40:]
                file.write(text)
                file.flush()
            finally:
                self._release(file)
            self._scene.truth.durable(handing)
            self._generations[-1].handings.append(handing)

    async def rotate(self) -> None:
        async with self.turning, self._stillness():
            self._scene.truth.tell(f"is rotated ({self._rotation})", way=self.way)
            await in_thread(self._logrotate)
            self._turn()

    async def known(self) -> bool:
        """Whether the exporter has all that was written, in a few seconds."""
        written = [one for generation in self._generations for one in generation.handings]
        deadline = self._scene.truth.now() + KNOWN_SECONDS
        while written and not await self._scene.exporter.knows(written[-1].request_id):
            if self._scene.truth.now() > deadline:
                return False
            await asyncio.sleep(0.2)
        return True

    def settle(self, source: str) -> None:
        for generation in self._generations:
            if generation.vanished is not None and not self._was_read(generation, source):
                for handing in generation.handings:
                    handing.excuse = _EXCUSE

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _was_read(self, generation: Generation, source: str) -> bool:
        """It was seen, and there was time to read the rest of it."""
        assert generation.vanished is not None
        since = generation.vanished - SEEN_SECONDS
        until = generation.vanished + SEEN_SECONDS
        return generation.created <= since and self._scene.spans.watched(source, since=since, until=until)

    def _turn(self) -> None:
        now = self._scene.truth.now()
        self._generations.append(Generation(now))
        if self._rotation.copies and len(self._generations) > 1:
            # It is another file from now on, which has to be found.
            self._generations[-2].created = now
        after = self._rotation.vanishes_after
        if after is not None and len(self._generations) > after:
            self._generations[-1 - after].vanished = now

    @asynccontextmanager
    async def _stillness(self) -> AsyncIterator[None]:
        """Where logrotate loses what is written meanwhile, and where it has to be known into which file something went."""
        if self._rotation.copies or self._rotation.vanishes_after is not None:
            async with self._writing:
                yield
        else:
            yield

    def _open(self) -> IO[str]:
        """One that copies are made of is held open for good."""
        if self._held is not None:
            return self._begun(self._held)
        file = self._path.open("a")
        if self._rotation.copies:
            self._held = file
        return self._begun(file)

    def _begun(self, file: IO[str]) -> IO[str]:
        if (self._banner and not self._path.exists()) or (self._banner and not self._path.stat().st_size):
            file.write(BANNER)
            file.flush()
        return file

    def _release(self, file: IO[str]) -> None:
        if file is not self._held:
            file.close()


class RotatedLogs:
    """Several logs in one folder, followed by one source."""

    def __init__(
        self,
        scene: Scene,
        *,
        name: str,
        account: str,
        names: Sequence[str],
        paths: str,
        rotation: Rotation,
        banner: bool,
    ) -> None:
        self.name = name
        self._scene = scene
        self._account = account
        folder = scene.folder / "logs"
        folder.mkdir(exist_ok=True)
        self._logs = [RotatedLog(folder / one, rotation, scene, way=name, banner=banner) for one in names]
        settings = {"type": "log", "account": account, "paths": [str(folder / paths)], "pattern": PATTERN}
        scene.exporter.add(Source(name, settings, calm=self._calm))
        told = f"{paths}: {', '.join(names)}, {rotation}{', with a banner' if banner else ''}"
        scene.truth.tell(told, way=name)

    async def open(self) -> None:
        """The applications make their logs."""

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(*(self._write(log, ended) for log in self._logs))

    async def settle(self) -> None:
        for log in self._logs:
            log.settle(self.name)

    async def close(self) -> None:
        for log in self._logs:
            log.close()

    def faults(self) -> list[Fault]:
        return [Fault(f"rotate {self.name}", partial(self._rotate, log), 2, 4) for log in self._logs]

    async def _write(self, log: RotatedLog, ended: asyncio.Event) -> None:
        while not ended.is_set():
            for handing in await self._scene.submit(self._account, way=log.way):
                await log.write(handing)
            await self._scene.pause(0.05, 0.4)

    async def _rotate(self, log: RotatedLog, lasting: float) -> None:
        """Once, or several times between two looks."""
        for _ in range(self._scene.chance.choice((1, 1, 2, 3))):
            await log.rotate()
            for handing in await self._scene.submit(self._account, way=log.way):
                await log.write(handing)

    @asynccontextmanager
    async def _calm(self) -> AsyncIterator[bool]:
        """A source of another name begins anew, and leaves earlier generations alone: it may come when all is read."""
        for log in self._logs:
            await log.turning.acquire()
        try:
            yield all([await log.known() for log in self._logs])
        finally:
            for log in self._logs:
                log.turning.release()
