"""Applications that keep lists of what is pending in files: lines added, written anew in place, replaced as a whole."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene
from tests.chaos.truth import Handing

# Longer than the exporter takes from one look to the next.
PAUSE = 1.6


class Lists:
    """What was written once stays in its list."""

    def __init__(self, scene: Scene, *, account: str) -> None:
        self.name = scene.name
        self._scene = scene
        self._account = account
        self._lines = scene.folder / "lines.txt"
        self._replaced = scene.folder / "replaced.json"
        self._rewritten = scene.folder / "rewritten.yaml"
        paths = [f"{scene.folder}/*.{ending}" for ending in ("txt", "json", "yaml")]
        scene.exporter.add(Source(self.name, {"type": "file", "account": account, "paths": paths}))

    async def open(self) -> None:
        self._lines.touch()
        self._replaced.write_text("[]")
        self._rewritten.write_text("[]")

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(
            self._add_lines(ended),
            self._write_lists(ended, self._replaced, self._replace),
            self._write_lists(ended, self._rewritten, self._rewrite),
        )

    async def settle(self) -> None:
        """What was written stays."""

    async def close(self) -> None:
        """Nothing was opened."""

    def faults(self) -> list[Fault]:
        return []

    async def _add_lines(self, ended: asyncio.Event) -> None:
        """The writer pauses in the middle of some lines, as one does whose buffer is full there."""
        while not ended.is_set():
            for handing in await self._scene.submit(self._account, way="lists/lines.txt"):
                text = f"{handing.request_id}\n"
                cut = 18 if self._scene.chance.random() < 0.1 else 0
                self._append(text[:cut])
                if cut:
                    await asyncio.sleep(PAUSE)
                self._append(text[cut:])
                self._scene.truth.durable(handing)
            await self._scene.pause(0.1, 0.5)

    def _append(self, text: str) -> None:
        with self._lines.open("a") as file:
            file.write(text)

    async def _write_lists(self, ended: asyncio.Event, path: Path, write: Callable[[str], Awaitable[None]]) -> None:
        written: list[Handing] = []
        while not ended.is_set():
            fresh = await self._scene.submit(self._account, way=f"lists/{path.name}")
            written += fresh
            await write(_groups(written))
            self._scene.truth.durable(*fresh)
            await self._scene.pause(0.2, 0.8)

    async def _replace(self, text: str) -> None:
        beside = self._replaced.with_suffix(".new")
        beside.write_text(text)
        beside.rename(self._replaced)

    async def _rewrite(self, text: str) -> None:
        """Now and then it is half of a list for a while."""
        if self._scene.chance.random() < 0.2:
            self._rewritten.write_text(text[: len(text) // 2])
            await asyncio.sleep(PAUSE)
        self._rewritten.write_text(text)


def _groups(handings: Sequence[Handing]) -> str:
    return json.dumps([{"request_ids": [one.request_id for one in handings]}])
