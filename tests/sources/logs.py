"""A log source on a folder of its own, whose loops are taken step by step."""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exporter.config import settings
from exporter.sources.environment import Environment
from exporter.sources.log.source import LogSource
from exporter.sources.log.standard_input import StandardInput
from tests.sources.twins import Clock, Health, MemoryIntake, Naps, Steady, at_once

PATTERN = r"RequestID=(?P<request_id>[^ ]+)"


class Bench:
    """`paths` are relative to the folder. `restart` begins anew with the positions of the last commit."""

    def __init__(
        self,
        folder: Path,
        *paths: str,
        pattern: str = PATTERN,
        intake: MemoryIntake | None = None,
        others: Sequence[str] = (),
        references: bool = False,
        **keys: Any,
    ) -> None:
        self.folder = folder
        self.others = others
        self.intake = intake or MemoryIntake()
        self.health = Health()
        self.apis: dict[str, list[str]] = {"acme": ["lead_update"]}
        self.references = references
        self.seconds = 0.0
        self.standard_input = StandardInput()
        names = tuple(path if path == "-" else str(folder / path) for path in paths)
        defaults: dict[str, Any] = {"account": "acme", "api": None, "read_from": "beginning", "name": "log"}
        self.settings = settings.LogSource(paths=names, pattern=re.compile(pattern), **{**defaults, **keys})
        self.restart()

    def restart(self) -> None:
        self.source = LogSource(
            self.settings,
            Environment(
                intake=self.intake,
                health=self.health,
                clock=Clock(),
                apis=lambda: self.apis,
                random=Steady(),
                references=lambda: self.references,
                sleep=Naps(),
                monotonic=lambda: self.seconds,
                in_thread=at_once,
            ),
            positions={part: text for part, text in self.intake.positions.items() if text is not None},
            standard_input=self.standard_input,
            others=lambda: self.others,
        )

    async def read(self) -> list[str]:
        """Look and read; what was taken in since the last call."""
        before = len(self.intake.ids)
        await self.source.look()
        for _ in range(2):
            await self.source.drain()
        return self.intake.ids[before:]

    def write(self, name: str, *ids: str, text: str | None = None) -> Path:
        path = self.folder / name
        with path.open("a") as file:
            file.write(text if text is not None else "".join(f"info RequestID={one} done\n" for one in ids))
        return path


def make_old(path: Path) -> None:
    """An hour before now."""
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
