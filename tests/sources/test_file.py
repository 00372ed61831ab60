import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from exporter.config import settings
from exporter.core.retention import UNREAD
from exporter.errors import IntakeFull, SourceUnreadable, UnknownAccount
from exporter.sources import watched
from exporter.sources.delivery import BATCH
from exporter.sources.environment import Environment
from exporter.sources.file import FileSource
from tests.sources.logged import logged
from tests.sources.twins import NOW, Clock, Health, MemoryIntake, Naps, Steady, at_once


class Bench:
    """A file source on a folder of its own."""

    def __init__(self, folder: Path, *patterns: str, intake: MemoryIntake | None = None) -> None:
        self.folder = folder
        self.seconds = 0.0
        self.intake = intake or MemoryIntake()
        self.health = Health()
        self.naps = Naps()
        self.clock = Clock()
        self.references = False
        self.apis: Mapping[str, Sequence[str]] = {"acme": ["lead_update"]}
        paths = tuple(str(folder / pattern) for pattern in patterns)
        self.source = FileSource(
            settings.FileSource(account="acme", api=None, paths=paths, name="file-0"),
            Environment(
                intake=self.intake,
                health=self.health,
                clock=self.clock,
                apis=lambda: self.apis,
                random=Steady(),
                references=lambda: self.references,
                sleep=self.naps,
                monotonic=lambda: self.seconds,
                in_thread=at_once,
            ),
        )

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    async def look(self, times: int = 2) -> None:
        """Two looks see a change and take it."""
        for _ in range(times):
            await self.source.look()


def groups(*ids: str) -> str:
    return json.dumps([{"request_ids": list(ids)}])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ids.json", '[{"request_ids": ["a", "b"]}]'),
        ("ids.yaml", "request_ids: [a, b]\n"),
        ("ids.yml", "- request_ids: [a]\n- request_ids: [b]\n"),
        ("ids.txt", "a\nb\n"),
        ("IDS.TXT", "a\nb\n"),
    ],
)
async def test_the_ending_of_the_name_tells_the_format(tmp_path: Path, name: str, text: str) -> None:
    bench = Bench(tmp_path, "*")
    bench.write(name, text)
    await bench.look()
    assert bench.intake.ids == ["a", "b"]
    assert bench.health.story == ["file-0 up"]


async def test_a_file_that_stays_is_not_handed_in_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.json")
    path = bench.write("ids.json", groups("a"))
    await bench.look(5)
    os.utime(path, (1, 1))
    await bench.look(5)
    assert bench.intake.calls == [("file-0", 1)]


@pytest.mark.parametrize("name", ["ids.json", "ids.txt"])
async def test_what_still_stands_in_a_file_is_handed_in_again_every_hour(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, "*")
    bench.write(name, "a\nb\n" if name.endswith("txt") else groups("a", "b"))
    assert bench.source.read_since == UNREAD
    await bench.look()
    begun = bench.clock.time
    assert bench.source.read_since == begun
    bench.write(name, "a\nc\n" if name.endswith("txt") else groups("a", "c"))
    bench.clock.time += 3599
    await bench.look()
    assert bench.intake.calls == [("file-0", 2), ("file-0", 1)]
    assert bench.source.read_since == begun
    bench.clock.time += 1
    await bench.look()
    assert bench.intake.calls == [("file-0", 2), ("file-0", 1), ("file-0", 2)]
    assert bench.source.read_since == begun + 3600


async def test_a_file_that_can_not_be_used_keeps_the_time_of_its_last_reading(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "one.json", "two.json")
    bench.write("one.json", groups("a"))
    await bench.look()
    assert bench.source.read_since == UNREAD
    bench.write("two.json", groups("b"))
    await bench.look()
    begun = bench.source.read_since
    assert begun == bench.clock.time
    bench.write("two.json", "{")
    bench.clock.time += 7200
    await bench.look(5)
    assert bench.source.read_since == begun
    bench.write("two.json", groups("b"))
    await bench.look()
    assert bench.source.read_since == bench.clock.time


async def test_only_what_is_new_is_handed_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.json")
    bench.write("ids.json", groups("a", "b"))
    await bench.look()
    bench.write("ids.json", groups("b", "c"))
    await bench.look()
    assert bench.intake.calls == [("file-0", 2), ("file-0", 1)]
    assert bench.intake.ids == ["a", "b", "c"]


async def test_a_file_that_appears_later_is_picked_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.txt", "deep/**/*.txt")
    await bench.look()
    assert bench.health.story == ["file-0 up"]
    bench.write("one.txt", "a\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    bench.write("deep/er/two.txt", "b\n")
    await bench.look()
    assert bench.intake.ids == ["a", "b"]


async def test_a_renamed_file_is_seen_even_with_the_same_size_and_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.json")
    os.utime(bench.write("ids.json", groups("a")), (1, 1))
    await bench.look()
    other = bench.write("new.json", groups("b"))
    os.utime(other, (1, 1))
    other.rename(tmp_path / "ids.json")
    await bench.look()
    assert bench.intake.ids == ["a", "b"]


async def test_the_swapped_links_of_a_config_map_are_seen(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.json")
    for version, request_id in (("v1", "a"), ("v2", "b")):
        (tmp_path / version).mkdir()
        bench.write(f"{version}/ids.json", groups(request_id))
    data = tmp_path / "..data"
    data.symlink_to("v1")
    (tmp_path / "ids.json").symlink_to("..data/ids.json")
    await bench.look()
    (tmp_path / "..tmp").symlink_to("v2")
    (tmp_path / "..tmp").rename(data)
    await bench.look()
    assert bench.intake.ids == ["a", "b"]


async def test_a_broken_file_keeps_what_was_read_and_is_told_once_with_its_line(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.yaml")
    path = bench.write("ids.yaml", "request_ids: [a]\n")
    bench.write("other.yaml", "request_ids: [z]\n")
    await bench.look()
    bench.write("ids.yaml", "request_ids:\n- a\n- b c\n")
    await bench.look(5)
    rule = "must be 1 to 128 characters of A-Z a-z 0-9 . _ -"
    assert bench.health.story == [
        "file-0 up",
        f"file-0 down: nothing was taken in: 1 mistake; {path}:3: request_ids[1]: {rule}, got a text of 3 characters",
    ]
    assert bench.intake.ids == ["a", "z"]
    bench.write("ids.yaml", "request_ids: [a, b]\n")
    await bench.look()
    assert bench.intake.ids == ["a", "z", "b"]
    assert bench.health.story[-1] == "file-0 up"


async def test_every_broken_file_is_in_the_log_with_its_line(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.yaml")
    broken = [bench.write(f"{name}.yaml", "request_ids:\n- a\n- b c\n") for name in "xyz"]
    with logged() as log:
        await bench.look(5)
    lines = log.getvalue().splitlines()
    assert len(lines) == 3
    assert all(f"{path}:3: request_ids[1]" in line for path, line in zip(broken, lines, strict=True))


async def test_a_file_that_is_no_document_is_told_with_its_line(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.json")
    path = bench.write("ids.json", '[\n{"request_ids" ["a"]}]')
    await bench.look()
    assert bench.health.story == [f"file-0 down: {path}: not JSON: line 2, column 16: Expecting ':' delimiter"]


async def test_a_missing_file_is_told_and_a_pattern_without_files_is_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.json", "*.txt")
    await bench.look(3)
    assert bench.health.story == [f"file-0 down: {tmp_path / 'ids.json'}: can't be read: No such file or directory"]
    bench.write("ids.json", groups("a"))
    await bench.look()
    assert bench.intake.ids == ["a"]
    assert bench.health.story[-1] == "file-0 up"


async def test_a_file_that_went_and_came_back_unchanged_is_up_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.json")
    path = bench.write("ids.json", groups("a"))
    await bench.look()
    path.unlink()
    await bench.look()
    bench.write("ids.json", groups("a"))
    await bench.look()
    assert [line.partition(":")[0] for line in bench.health.story] == ["file-0 up", "file-0 down", "file-0 up"]
    assert bench.intake.calls == [("file-0", 1)]


async def test_a_broken_file_that_went_and_came_back_is_still_broken(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.json")
    path = bench.write("ids.json", "{")
    await bench.look()
    path.unlink()
    await bench.look()
    bench.write("ids.json", "{")
    await bench.look()
    assert "file-0 up" not in bench.health.story


@pytest.mark.parametrize("kind", ["folder", "pipe"])
async def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    bench = Bench(tmp_path, "ids.json")
    path = tmp_path / "ids.json"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    await bench.look()
    assert bench.health.story == [f"file-0 down: {path}: it is not a file"]


async def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.txt")
    path = tmp_path / "ids.txt"
    with path.open("wb") as file:
        file.truncate(watched.LARGEST + 1)
    await bench.look()
    assert bench.health.story == [f"file-0 down: {path}: is larger than 64 MiB; split it"]


async def test_another_ending_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.csv")
    path = bench.write("ids.csv", "a")
    await bench.look()
    assert bench.health.story == [f"file-0 down: {path}: its name must end in one of .json .yaml .yml .txt"]


def test_a_file_that_goes_or_grows_before_it_is_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ids.txt"
    with pytest.raises(SourceUnreadable) as caught:
        watched.read(str(path), rests=True)
    assert str(caught.value) == f"{path}: can't be read: No such file or directory"
    path.write_text("a\nb\n")
    monkeypatch.setattr(watched, "LARGEST", 3)
    with pytest.raises(SourceUnreadable, match="split it"):
        watched.read(str(path), rests=True)


async def test_a_name_that_looks_like_a_pattern_is_a_name_where_it_exists(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids[1].txt", "*.txt")
    bench.write("ids[1].txt", "a\n")
    await bench.look()
    assert bench.intake.calls == [("file-0", 1)]


async def test_half_a_line_waits_for_its_end_or_for_a_quiet_minute(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "ids.txt")
    bench.write("ids.txt", "first\nseco")
    for _ in range(59):
        await bench.look(1)
        bench.seconds += 1.0
    assert bench.intake.ids == ["first"]
    bench.write("ids.txt", "first\nsecond\nthi")
    for _ in range(60):
        await bench.look(1)
        bench.seconds += 1.0
    assert bench.intake.ids == ["first", "second"]
    await bench.look(1)
    assert bench.intake.ids == ["first", "second", "thi"]


async def test_half_a_document_waits_until_it_rests(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.yaml")
    bench.write("ids.yaml", "request_ids:\n- first\n- seco")
    for _ in range(30):
        await bench.look(1)
        bench.seconds += 1.0
    assert bench.intake.ids == []
    bench.write("ids.yaml", "request_ids:\n- first\n- second\n")
    await bench.look()
    assert bench.intake.ids == ["first", "second"]


async def test_a_list_whose_last_line_never_ends_is_taken_after_a_quiet_minute(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.yaml")
    bench.write("ids.yaml", "request_ids:\n- first\n- second")
    for _ in range(62):
        await bench.look(1)
        bench.seconds += 1.0
    assert bench.intake.ids == ["first", "second"]
    assert bench.health.story == ["file-0 up"]


@pytest.mark.parametrize(("name", "text"), [("ids.yaml", "{request_ids: [a]}"), ("ids.json", '{"request_ids": ["a"]}')])
async def test_a_list_in_brackets_needs_no_end_of_its_last_line(tmp_path: Path, name: str, text: str) -> None:
    bench = Bench(tmp_path, name)
    bench.write(name, text)
    await bench.look()
    assert bench.intake.ids == ["a"]


async def test_many_ids_go_in_batches(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.txt")
    bench.write("ids.txt", "".join(f"{number}\n" for number in range(2 * BATCH + 1)))
    await bench.look()
    assert bench.intake.calls == [("file-0", BATCH), ("file-0", BATCH), ("file-0", 1)]


async def test_a_full_intake_is_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.txt", intake=MemoryIntake(IntakeFull("full"), IntakeFull("full")))
    bench.write("ids.txt", "a\n")
    await bench.look()
    assert bench.naps.taken == [1.0, 2.0]
    assert bench.intake.ids == ["a"]
    assert bench.health.story == ["file-0 down: full", "file-0 down: full", "file-0 up"]


async def test_a_file_that_names_an_account_too_early_is_right_once_it_is_configured(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.json")
    bench.write("ids.json", '{"request_ids": ["a"], "account": "beta"}')
    await bench.look(3)
    assert len(bench.health.story) == 1
    bench.apis = {"acme": ["lead_update"], "beta": ["lead_update"]}
    await bench.look()
    assert bench.intake.ids == ["a"]
    assert bench.health.story[-1] == "file-0 up"


async def test_what_the_intake_refuses_for_good_is_told_once(tmp_path: Path) -> None:
    refused = UnknownAccount("not taken in", ["retired"])
    bench = Bench(tmp_path, "*.txt", intake=MemoryIntake(refused, refused, refused))
    bench.write("ids.txt", "a\n")
    await bench.look(4)
    assert bench.health.story == ["file-0 down: not taken in; retired"]


async def test_it_looks_once_a_second_until_it_is_cancelled(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.txt")
    bench.naps.most = 4
    with pytest.raises(asyncio.CancelledError):
        await bench.source.run()
    assert bench.naps.taken == [1.0] * 4


async def test_files_are_read_in_a_thread_by_default(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("a\n")
    intake = MemoryIntake()
    source = FileSource(
        settings.FileSource(account=None, api=None, paths=(str(tmp_path / "ids.txt"),), name="file-0"),
        Environment(
            intake=intake, health=Health(), clock=Clock(), apis=lambda: {"acme": ["lead_update"]}, random=Steady()
        ),
        interval=0.001,
    )
    task = asyncio.ensure_future(source.run())
    async with asyncio.timeout(5):
        await intake.called.wait()
    task.cancel()
    assert intake.ids == ["a"]


async def test_a_time_that_lay_ahead_of_a_slow_clock_is_right_once_that_is_set(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.json")
    moment = "2026-02-02T02:50:00Z"
    bench.write("ids.json", json.dumps([{"request_ids": [{"request_id": "a", "submitted_at": moment}]}]))
    await bench.look()
    assert bench.intake.ids == []
    bench.clock.set_ahead = 600.0
    await bench.look(times=1)
    assert [(one.request_id, one.submitted) for one in bench.intake.entries] == [("a", NOW + 600.0)]
    assert bench.health.story[-1] == "file-0 up"
    await bench.look(times=5)
    assert len(bench.intake.calls) == 1


async def test_a_file_with_references_is_used_once_they_are_allowed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.json")
    path = bench.write("ids.json", json.dumps([{"request_ids": [{"request_id": "a", "reference": "o-1"}]}]))
    await bench.look()
    rule = "is refused unless references: true stands in the configuration"
    assert bench.health.story == [
        f"file-0 down: nothing was taken in: 1 mistake; {path}:1: [0].request_ids[0].reference: {rule}"
    ]
    bench.references = True
    await bench.look(times=1)
    assert [(one.request_id, one.reference) for one in bench.intake.entries] == [("a", "o-1")]
