"""Any interleaving of writes, rotations and restarts: every RequestID is taken in, and none twice."""

import asyncio
import gzip
import os
import re
import shutil
import tempfile
from collections.abc import Coroutine
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from exporter.config import settings as config
from exporter.sources.environment import Environment
from exporter.sources.log.source import LogSource
from exporter.sources.log.standard_input import StandardInput
from tests.sources.twins import Clock, Health, MemoryIntake, Naps, Steady, at_once

NAMES = (
    "worker-1.log",
    "pod-0.log",
    "app_8080.log",
    "ip-10-0-0-1.log",
    "api-v2.1.log",
    "app-2026-01-31.log",
    "10.0.0.7.log",
)
PATTERN = re.compile("RequestID=(?P<request_id>[0-9]{6})(?![0-9])")


class Rotations(RuleBasedStateMachine):
    """One log, written to by an application that may hold the old file open for a while, and rotated in every way that
    logrotate and applications know, by any number of steps between two looks."""

    @initialize(
        name=st.sampled_from(("app.log", *NAMES)),
        pattern=st.sampled_from(("{}", "{}*", "*.log")),
        long=st.booleans(),
        banner=st.sampled_from((0, 100, 1100, 3000)),
    )
    def start(self, name: str, pattern: str, long: bool, banner: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.log = self.folder / name
        self.pattern = pattern.format(name)
        self.banner = "=" * (banner - 1) + "\n" if banner else ""
        self.filling = "x" * 700 if long else ""
        self.numbers = count(1)
        self.times = count(2_000_000_000 * 10**9, 10**7)
        self.written: set[str] = set()
        self.intake = MemoryIntake()
        self.health = Health()
        self.cut: str | None = None
        self.is_copied = self.is_compressed = False
        self.handle: TextIO | None = None
        self._begin()
        self._run(self._read())

    @rule(number=st.integers(1, 4))
    def write(self, number: int) -> None:
        for _ in range(number):
            self._append(self._line())

    @rule()
    def write_the_first_half_of_a_line(self) -> None:
        if self.cut is None:
            line = self._line()
            half = len(line) // 2
            self._append(line[:half])
            self.cut = line[half:]

    @rule()
    def reopen(self) -> None:
        """What logrotate asks for after a rotation. Without it the application goes on in the file that has another name."""
        self._finish_the_line()
        if self.handle is not None:
            self.handle.close()
            self.handle = None

    @rule(create=st.booleans())
    def rename(self, create: bool) -> None:
        self._shift()
        if self.log.exists():
            self.log.rename(self.folder / f"{self.log.name}.1")
        if create:
            self.log.touch()
            self._touch(self.log)

    @rule(dated=st.integers(20260101, 20261231))
    def rename_with_a_date(self, dated: int) -> None:
        self.truncate()
        name = self.folder / f"{self.log.name}-{dated}"
        if self.log.exists() and not name.exists():
            self.log.rename(name)

    @rule()
    def copy(self) -> None:
        """What is written between the copy and the truncation is lost to everyone, so nothing is."""
        if self.log.exists() and not self.is_copied:
            self._finish_the_line()
            self._shift()
            shutil.copyfile(self.log, self.folder / f"{self.log.name}.1")
            self._touch(self.folder / f"{self.log.name}.1")
            self.is_copied = True

    @rule()
    def truncate(self) -> None:
        if self.is_copied:
            os.truncate(self.log, 0)
            self._touch(self.log)
            self.is_copied = False

    @rule()
    def compress(self) -> None:
        """The oldest one, as soon as it is read."""
        self._run(self._read())
        numbered = self._numbered()
        if numbered and not self.is_copied and not self._is_open(numbered[0]):
            numbered[0].rename(numbered[0].with_suffix(".gz"))
            numbered[0].with_suffix(".gz").write_bytes(gzip.compress(numbered[0].with_suffix(".gz").read_bytes()))
            self.is_compressed = True

    @rule()
    def read(self) -> None:
        self._run(self._read())

    @rule()
    def look(self) -> None:
        self._run(self.source.look())

    @rule()
    def restart(self) -> None:
        """Positions of the last commit are all that is left."""
        self._begin()

    @invariant()
    def nothing_is_reported(self) -> None:
        if hasattr(self, "health"):
            told = [one for one in self.health.story if "down" in one]
            assert [one for one in told if not (self.is_compressed and "compressed" in one)] == []

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.reopen()
            self._run(self._read())
            shutil.rmtree(self.folder)
            assert set(self.intake.ids) == self.written
            assert sum(size for _, size in self.intake.calls) == len(self.written)

    async def _read(self) -> None:
        await self.source.look()
        for _ in range(3):
            await self.source.drain()

    def _begin(self) -> None:
        positions = {part: text for part, text in self.intake.positions.items() if text is not None}
        self.source = LogSource(
            config.LogSource(
                account="acme",
                api="lead_update",
                paths=(str(self.folder / self.pattern),),
                pattern=PATTERN,
                read_from="beginning",
                name="log",
            ),
            Environment(
                intake=self.intake,
                health=self.health,
                clock=Clock(),
                apis=lambda: {"acme": ["lead_update"]},
                random=Steady(),
                sleep=Naps(),
                in_thread=at_once,
            ),
            positions=positions,
            standard_input=StandardInput(),
        )

    def _line(self) -> str:
        number = f"{next(self.numbers):06}"
        self.written.add(number)
        return f"{number} info {self.filling} RequestID={number} accepted\n"

    def _append(self, text: str) -> None:
        self._finish_the_line()
        self._write(text)

    def _finish_the_line(self) -> None:
        rest, self.cut = self.cut, None
        if rest is not None:
            self._write(rest)

    def _write(self, text: str) -> None:
        self.truncate()
        if self.handle is None:
            self.handle = self.log.open("a")
        if not os.fstat(self.handle.fileno()).st_size:
            self.handle.write(self.banner)
        self.handle.write(text)
        self.handle.flush()
        self._touch(self.handle.fileno())

    def _is_open(self, path: Path) -> bool:
        return self.handle is not None and os.path.samestat(os.fstat(self.handle.fileno()), path.stat())

    def _touch(self, path: Path | int) -> None:
        """Times move on with every step, as they do where steps take time."""
        time = next(self.times)
        os.utime(path, ns=(time, time))

    def _numbered(self) -> list[Path]:
        """The oldest first."""
        return sorted(self.folder.glob(f"{self.log.name}.[0-9]*"), key=lambda path: -int(path.suffix[1:]))

    def _shift(self) -> None:
        self.truncate()
        for path in self._numbered():
            path.rename(self.folder / f"{self.log.name}.{int(path.suffix[1:]) + 1}")

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(work)


TestRotations = Rotations.TestCase
TestRotations.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
