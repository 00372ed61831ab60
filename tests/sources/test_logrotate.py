"""A log source beside the real logrotate, with an application that never stops writing."""

import asyncio
import re
from pathlib import Path

import pytest

from exporter.config import settings
from exporter.sources.environment import Environment
from exporter.sources.log import source as log_source
from exporter.sources.log.source import LogSource
from exporter.sources.log.standard_input import StandardInput
from tests.rotation import COPIES, Application, Logrotate
from tests.sources.twins import Clock, Health, MemoryIntake, Steady
from tests.sources.waiting import until

PATTERN = re.compile("RequestID=(?P<request_id>[0-9]+-[0-9]+)")
ROTATIONS = 5


class Reader:
    """The source as a task, with real threads."""

    def __init__(self, pattern: Path) -> None:
        self.intake = MemoryIntake()
        self.health = Health()
        self._settings = settings.LogSource(
            account="acme", api="lead_update", paths=(str(pattern),), pattern=PATTERN, read_from="beginning", name="log"
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        source = LogSource(
            self._settings,
            Environment(
                intake=self.intake,
                health=self.health,
                clock=Clock(),
                apis=lambda: {"acme": ["lead_update"]},
                random=Steady(),
            ),
            positions={part: text for part, text in self.intake.positions.items() if text is not None},
            standard_input=StandardInput(),
        )
        self._task = asyncio.ensure_future(source.run())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_source, "INTERVAL", 0.01)


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize(
    ("directives", "pattern"),
    [
        ("create", "app.log"),
        ("nocreate", "*.log"),
        ("create;dateext;dateformat -%Y%m%d-%s", "app.log"),
        ("create;extension .log", "app.log"),
        ("create", "app.log*"),
        (COPIES, "app.log"),
        (COPIES, "app.log*"),
        ("create;start 0", "worker-1.log"),
        ("create;dateext;dateformat -%Y%m%d%H%M%S", "pod-0.log"),
        ("create;extension .log", "ip-10-0-0-1.log"),
        ("create;dateext;dateformat _%Y-%m-%d-%s;extension .log", "app_8080.log"),
        (COPIES, "worker-1.log"),
        (f"{COPIES};dateext;dateformat .%s;extension .log", "api-v2.1.log"),
    ],
)
async def test_nothing_is_lost_and_nothing_read_twice(
    tmp_path: Path, directives: str, pattern: str, restarts: bool
) -> None:
    await rotate_and_check(tmp_path, directives, pattern, restarts=restarts)


@pytest.mark.parametrize(
    "directives",
    ["create;compress", "create;compress;delaycompress", f"{COPIES};compress;delaycompress", "create;olddir old"],
)
async def test_what_logrotate_packs_or_moves_away_at_once_is_read_by_who_has_it_open(
    tmp_path: Path, directives: str
) -> None:
    (tmp_path / "logs/old").mkdir(parents=True)
    await rotate_and_check(tmp_path, directives, "app.log", restarts=False)


async def rotate_and_check(folder: Path, directives: str, pattern: str, *, restarts: bool) -> None:
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    application = Application(logs / pattern.replace("*.log", "app.log").rstrip("*"), holds=COPIES in directives)
    rotate = Logrotate(folder, application.log, directives)
    reader = Reader(logs / pattern)
    reader.start()
    with application.running():
        for _ in range(ROTATIONS):
            await let_write(application)
            # Whoever is not told of a rotation can have a file open only that it has seen.
            await until(lambda: restarts or len(reader.intake.ids) > len(application.written) - 50)
            if restarts:
                await reader.stop()
                await let_write(application)
            await asyncio.to_thread(rotate_still if COPIES in directives else rotate_running, application, rotate)
            if restarts:
                reader.start()
    await until(lambda: len(reader.intake.ids) >= len(application.written))
    await reader.stop()
    assert sorted(reader.intake.ids) == sorted(application.written)
    assert sum(count for _, count in reader.intake.calls) == len(application.written)
    assert [told for told in reader.health.story if told != "log up"] == []


async def let_write(application: Application) -> None:
    count = len(application.written)
    await until(lambda: len(application.written) > count + 20)


def rotate_running(application: Application, rotate: Logrotate) -> None:
    rotate()


def rotate_still(application: Application, rotate: Logrotate) -> None:
    with application.still:
        rotate()
