import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.autoreload import AutoReload


class Reloads:
    """Answers as it is told, and remembers how often it was asked. At the last answer it ends the loop."""

    def __init__(self, *answers: bool) -> None:
        self.count = 0
        self._answers: Iterator[bool] = iter(answers)

    async def __call__(self) -> bool:
        self.count += 1
        try:
            return next(self._answers)
        except StopIteration:
            raise asyncio.CancelledError from None


async def run(reloading: AutoReload, reload: Reloads) -> None:
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reloading.run(reload), timeout=10.0)


async def test_what_was_written_before_the_first_look_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("first")
    reloading = AutoReload(path, interval=0.001)
    path.write_text("other")
    reload = Reloads()
    await run(reloading, reload)
    assert reload.count == 1


async def test_a_content_that_was_refused_is_tried_again_until_it_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("first")
    reloading = AutoReload(path, interval=0.001)
    path.write_text("other")
    reload = Reloads(False, False, True)
    task = asyncio.create_task(reloading.run(reload))
    async with asyncio.timeout(10.0):
        while reload.count < 3:  # noqa: ASYNC110  (nothing tells of a reload)
            await asyncio.sleep(0.001)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert reload.count == 3
    path.unlink()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reload.count == 4


async def test_without_an_interval_nobody_looks(tmp_path: Path) -> None:
    reload = Reloads()
    await asyncio.wait_for(AutoReload(tmp_path / "config.yaml", interval=0.0).run(reload), timeout=10.0)
    assert reload.count == 0
