"""What a log source takes from its files, and what it says of those that it can't use."""

import asyncio
import gzip
import os
import shutil
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.errors import IntakeFull, StoreUnavailable, UnknownAccount
from exporter.sources.log import source as log_source
from exporter.sources.log.opened import CHUNK, LONGEST_LINE
from exporter.sources.log.source import KEEP_SECONDS
from exporter.sources.log.standard_input import StandardInput
from exporter.sources.log.tail import IDLE, LINGER
from tests.sources.logged import logged
from tests.sources.logs import Bench, make_old
from tests.sources.twins import NOW, MemoryIntake


async def test_every_match_in_every_line_is_taken_in_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    bench.write("app.log", text="RequestID=a RequestID=b\nnothing here\nRequestID=c\n")
    assert await bench.read() == ["a", "b", "c"]
    assert await bench.read() == []
    bench.write("app.log", "d")
    assert await bench.read() == ["d"]
    assert bench.intake.entries[0].where == str(tmp_path / "app.log")
    assert bench.health.story == ["log up"]


async def test_several_patterns_may_find_the_same_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.log", "a*", "b/*.log")
    (tmp_path / "b").mkdir()
    bench.write("a.log", "one")
    bench.write("b/b.log", "two")
    (tmp_path / "again.log").symlink_to("a.log")
    assert sorted(await bench.read()) == ["one", "two"]


async def test_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    bench.write("app.log", text="RequestID=half")
    assert await bench.read() == []
    bench.write("app.log", text="-and-half\n")
    assert await bench.read() == ["half-and-half"]


async def test_the_groups_of_a_pattern_tell_time_account_and_api(tmp_path: Path) -> None:
    pattern = r"^(?P<submitted_at>\S+) (?P<account>\w+)(/(?P<api>\w+))? (?P<request_id>\S+)$"
    bench = Bench(tmp_path, "app.log", pattern=pattern, account=None)
    bench.apis = {"acme": ["lead_update", "call_log"], "beta": ["lead_update"]}
    bench.write("app.log", text="2026-02-02T02:39:00Z acme/call_log a\r\n2026-02-02T02:40:00Z beta b\n")
    await bench.read()
    found = [(one.request_id, one.account, one.api, one.submitted) for one in bench.intake.entries]
    assert found == [("a", "acme", "call_log", NOW - 60), ("b", "beta", "lead_update", NOW)]


async def test_what_does_not_fit_is_told_with_its_place_and_the_rest_goes_on(tmp_path: Path) -> None:
    pattern = r"(at=(?P<submitted_at>\S+) )?RequestID=(?P<request_id>\S+)"
    bench = Bench(tmp_path, "app.log", pattern=pattern)
    path = bench.write("app.log", text="RequestID=good\nRequestID=ä{}\nat=yesterday RequestID=b\nRequestID=c\n")
    assert await bench.read() == ["good", "c"]
    assert bench.health.story == [
        "log refused 2: 2 of the lines do not fit; "
        f"{path}: byte 15: request_id: must be 1 to 128 characters of A-Z a-z 0-9 . _ -, got a text of 3 characters; "
        f"{path}: byte 30: submitted_at: must be RFC 3339 with an offset, such as 2026-01-31T12:00:00Z",
        "log up",
    ]


async def test_a_line_whose_time_lies_ahead_is_taken_without_it_and_counted(tmp_path: Path) -> None:
    pattern = r"(at=(?P<submitted_at>\S+) )?RequestID=(?P<request_id>\S+)"
    bench = Bench(tmp_path, "app.log", pattern=pattern)
    lines = "at=2026-02-02T02:46:00Z RequestID=a\nat=2026-02-02T02:39:00Z RequestID=b\n"
    path = bench.write("app.log", text=lines)
    assert await bench.read() == ["a", "b"]
    assert [one.submitted for one in bench.intake.entries] == [None, NOW - 60]
    assert bench.health.story == [f"log refused 1: the time lies ahead: {path}: byte 0", "log up"]
    assert bench.health.kinds == ["impossible_time"]


async def test_a_group_may_catch_the_reference_and_one_that_is_none_costs_no_request(tmp_path: Path) -> None:
    pattern = r"(order=(?P<reference>[^;]*); )?RequestID=(?P<request_id>\S+)"
    bench = Bench(tmp_path, "app.log", pattern=pattern, references=True)
    path = bench.write("app.log", text="order=2026/1; RequestID=a\norder=Ada L.; RequestID=b\nRequestID=c\n")
    assert await bench.read() == ["a", "b", "c"]
    assert [one.reference for one in bench.intake.entries] == ["2026/1", None, None]
    rule = "must be 1 to 128 characters of A-Z a-z 0-9 . _ : / # -"
    assert bench.health.story == [f"log refused 1: the reference {rule}: {path}: byte 26", "log up"]
    assert bench.health.kinds == ["unfit_reference"]


async def test_every_line_that_does_not_fit_is_in_the_log_with_its_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    with logged() as log:
        for _ in range(2):
            path = bench.write("app.log", *["ä"] * 10)
            await bench.read()
    size = len("info RequestID=ä done\n".encode())
    assert all(f"{path}: byte {size * number}: request_id" in log.getvalue() for number in range(20))


async def test_every_missing_file_is_in_the_log(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "one.log", "two.log")
    await bench.read()
    bench.seconds += 30
    with logged() as log:
        await bench.read()
    assert [f"{name}.log: can't be read" in log.getvalue() for name in ("one", "two")] == [True, True]


async def test_bytes_that_are_not_utf8_do_not_hide_a_request_id(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    (tmp_path / "app.log").write_bytes(b"\xff\xfe RequestID=a \xc3\nRequestID=b\n")
    assert await bench.read() == ["a", "b"]


@pytest.mark.parametrize("size", [CHUNK - 5, CHUNK, LONGEST_LINE - 100])
async def test_a_long_line_is_read(tmp_path: Path, size: int) -> None:
    bench = Bench(tmp_path, "app.log")
    bench.write("app.log", "a", text=f"{'x' * size} RequestID=a\nRequestID=b\n")
    assert await bench.read() == ["a", "b"]


async def test_a_line_that_is_too_long_is_passed_over_and_told_also_across_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    path = bench.write("app.log", text=f"RequestID=a\n{'x' * 3 * LONGEST_LINE}")
    assert await bench.read() == ["a"]
    bench.seconds += KEEP_SECONDS
    await bench.read()
    bench.restart()
    bench.write("app.log", text="x RequestID=lost\nRequestID=b\n")
    assert await bench.read() == ["b"]
    assert bench.health.story == [
        f"log refused 1: 1 of the lines do not fit; {path}: byte 12: a line of more than {LONGEST_LINE} bytes is passed over",
        "log up",
    ]


async def test_the_hole_that_a_writer_leaves_in_a_truncated_file_is_skipped(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    with (tmp_path / "app.log").open("w") as file:
        file.write("RequestID=a\n" * 50_000)
        file.flush()
        assert await bench.read() == ["a"]
        os.truncate(tmp_path / "app.log", 0)
        file.write("RequestID=b\n")
    assert await bench.read() == ["b"]


async def test_generations_from_before_the_source_existed_are_left_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    make_old(bench.write("app.log.1", "old"))
    bench.write("app.log", "a")
    assert await bench.read() == ["a"]
    bench.restart()
    make_old(bench.write("app.log.2", "unpacked-to-look-something-up"))
    (tmp_path / "app.log").rename(tmp_path / "app.log.3")
    bench.write("app.log", "b")
    assert await bench.read() == ["b"]


async def test_reading_may_begin_at_the_end_of_what_is_there_when_the_source_is_new(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.log", read_from="end")
    bench.write("app.log", text="RequestID=old\nRequestID=half")
    assert await bench.read() == []
    bench.write("app.log", text="-new\n")
    bench.write("later.log", "a")
    assert await bench.read() == ["half-new", "a"]
    bench.restart()
    bench.write("app.log", "b")
    bench.write("much-later.log", "c")
    assert sorted(await bench.read()) == ["b", "c"]


async def test_a_log_that_was_not_there_at_the_first_look_is_read_whole_whatever_its_name_is_meanwhile(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, "app.log")
    assert await bench.read() == []
    bench.restart()
    bench.write("app.log.1", "a")
    assert await bench.read() == ["a"]


async def test_compressed_files_are_left_alone_whatever_they_are_called(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app*")
    for name in ("app.log.1.gz", "app.log.2"):
        (tmp_path / name).write_bytes(gzip.compress(b"RequestID=packed\n" * 1000, mtime=0))
    assert await bench.read() == []
    assert bench.health.story == ["log up"]


async def test_a_link_that_points_to_another_file_in_turn_is_followed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "current")
    link = tmp_path / "current"

    def swap(name: str) -> None:
        (tmp_path / "next").symlink_to(name)
        (tmp_path / "next").rename(link)

    (tmp_path / "data").mkdir()
    bench.write("data/app-1.log", "a")
    swap("data/app-1.log")
    assert await bench.read() == ["a"]
    bench.write("data/app-1.log", "b")
    bench.write("data/app-2.log", "c")
    bench.write("data/app-3.log", "d")
    swap("data/app-3.log")
    assert await bench.read() == ["b", "c", "d"]
    bench.restart()
    bench.write("data/app-3.log", "e")
    bench.write("data/app-4.log", "f")
    swap("data/app-4.log")
    assert await bench.read() == ["e", "f"]


async def test_the_last_line_without_its_end_is_read_when_the_file_has_long_been_renamed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    path = bench.write("app.log", text="RequestID=a\nRequestID=b")
    assert await bench.read() == ["a"]
    path.rename(tmp_path / "app.log.1")
    assert await bench.read() == []
    bench.seconds += LINGER
    assert await bench.read() == ["b"]


async def test_a_file_that_grows_long_after_it_was_renamed_is_still_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    path = bench.write("app.log", "a")
    await bench.read()
    path.rename(tmp_path / "app.log.1")
    await bench.read()
    bench.seconds += LINGER
    await bench.read()
    assert open_files(tmp_path) == set()
    bench.write("app.log.1", "b")
    assert await bench.read() == ["b"]


async def test_a_quiet_file_is_closed_and_opened_again_when_it_grows(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    bench.write("app.log", "a")
    await bench.read()
    assert open_files(tmp_path) == {"app.log"}
    bench.seconds += IDLE
    await bench.read()
    assert open_files(tmp_path) == set()
    bench.write("app.log", "b")
    assert await bench.read() == ["b"]


async def test_a_quiet_file_that_was_copied_and_truncated_is_not_read_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    path = bench.write("app.log", *(f"old-{number}" for number in range(100)))
    await bench.read()
    bench.seconds += IDLE
    await bench.read()
    bench.write("app.log", "a")
    shutil.copy(path, tmp_path / "app.log.1")
    os.truncate(path, 0)
    bench.write("app.log", "b")
    calls = len(bench.intake.calls)
    assert sorted(await bench.read()) == ["a", "b"]
    assert sum(count for _, count in bench.intake.calls[calls:]) == 2


async def test_a_removed_file_is_read_to_its_end_and_forgotten(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.log")
    path = bench.write("app.log", "a")
    await bench.read()
    bench.write("app.log", "b")
    path.unlink()
    assert await bench.read() == ["b"]
    bench.seconds += LINGER
    await bench.read()
    bench.seconds += KEEP_SECONDS
    await bench.read()
    assert [part for part, text in bench.intake.positions.items() if text and not part.startswith("pattern")] == []
    assert open_files(tmp_path) == set()


async def test_what_was_compressed_or_removed_before_it_was_read_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    path = bench.write("app.log", "a")
    await bench.read()
    bench.write("app.log", "lost")
    path.unlink()
    bench.write("app.log", "b")
    bench.restart()
    assert await bench.read() == ["b"]
    assert await bench.read() == []
    assert bench.health.story == [
        "log up",
        f"log down: {path}: was removed, compressed or emptied before it was read on; what followed byte 22 is not read",
        "log up",
    ]


async def test_a_file_that_the_paths_name_no_more_is_left_alone_and_goes_on_when_they_name_it_again(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, "a.log", read_from="end")
    bench.write("a.log", "old")
    assert await bench.read() == []
    bench.write("a.log", "a")
    assert await bench.read() == ["a"]
    before = bench.settings
    bench.settings = replace(before, paths=(str(tmp_path / "b.log"),))
    bench.restart()
    bench.write("a.log", "b")
    bench.write("b.log", "c")
    assert await bench.read() == []
    bench.write("b.log", "d")
    assert await bench.read() == ["d"]
    bench.settings = replace(before, paths=(str(tmp_path / "*.log"),))
    bench.restart()
    assert await bench.read() == ["b"]


async def test_the_place_in_a_file_whose_disk_is_away_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "disk/app.log")
    (tmp_path / "disk").mkdir()
    bench.write("disk/app.log", "a")
    await bench.read()
    (tmp_path / "disk").rename(tmp_path / "away")
    bench.restart()
    bench.seconds += 60
    await bench.read()
    (tmp_path / "away").rename(tmp_path / "disk")
    bench.write("disk/app.log", "b")
    calls = len(bench.intake.calls)
    assert await bench.read() == ["b"]
    assert [count for _, count in bench.intake.calls[calls:] if count] == [1]


async def test_a_file_restored_under_another_inode_goes_on_where_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    path = bench.write("app.log", *(f"id-{number}" for number in range(100)))
    await bench.read()
    shutil.copy(path, tmp_path / "restored")
    path.unlink()
    (tmp_path / "restored").rename(path)
    bench.restart()
    bench.write("app.log", "a")
    calls = len(bench.intake.calls)
    assert await bench.read() == ["a"]
    assert [count for _, count in bench.intake.calls[calls:] if count] == [1]


async def test_a_file_that_is_missing_for_long_is_told_once_and_a_moment_is_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log", "none-*.log")
    await bench.read()
    assert bench.health.story == ["log up"]
    bench.seconds += 30
    await bench.read()
    await bench.read()
    assert bench.health.story == ["log up", f"log down: {tmp_path}/app.log: can't be read: No such file or directory"]
    bench.write("app.log", "a")
    assert await bench.read() == ["a"]
    assert bench.health.story[-1] == "log up"


async def test_what_is_no_file_is_told_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.log").mkdir()
    os.mkfifo(tmp_path / "pipe.log")
    bench = Bench(tmp_path, "*.log", "pipe.log")
    await bench.read()
    assert bench.health.story == [f"log down: {tmp_path}/pipe.log: it is not a file that can be followed"]


@pytest.mark.parametrize("trouble", [IntakeFull("full"), StoreUnavailable("the disk is full")])
async def test_a_refusing_intake_is_waited_for_and_nothing_is_skipped(tmp_path: Path, trouble: Exception) -> None:
    intake = MemoryIntake(trouble, trouble)  # type: ignore[arg-type]
    bench = Bench(tmp_path, "app.log", intake=intake)
    bench.write("app.log", "a", "b", "c")
    assert sorted(await bench.read()) == ["a", "b", "c"]
    assert bench.health.story == [f"log down: {trouble}", f"log down: {trouble}", "log up"]


async def test_files_are_found_and_kept_open_while_the_intake_is_full(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log", intake=MemoryIntake(IntakeFull("full")))
    room = asyncio.Event()
    bench.source._delivery._sleep = lambda seconds: room.wait()
    bench.write("app.log", "a")
    await bench.source.look()
    draining = asyncio.ensure_future(bench.source.drain())
    for generation in ("b", "c"):
        (tmp_path / "app.log").unlink()
        bench.write("app.log", generation)
        await bench.source.look()
    room.set()
    await draining
    await bench.read()
    assert sorted(bench.intake.ids) == ["a", "b", "c"]


async def test_entries_of_an_account_that_a_reload_took_away_do_not_keep_the_others(tmp_path: Path) -> None:
    pattern = r"(?P<account>\w+) (?P<request_id>\S+)"
    bench = Bench(tmp_path, "app.log", pattern=pattern, account=None)
    bench.apis = {"acme": ["lead_update"], "beta": ["lead_update"]}
    bench.write("app.log", text="acme a\nbeta b\n")

    class Reloading(MemoryIntake):
        async def accept(self, *given: object) -> object:  # type: ignore[override]
            if bench.apis.pop("beta", None):
                raise UnknownAccount(
                    "not taken in", ["app.log: no account 'beta' with api 'lead_update' is configured"]
                )
            return await super().accept(*given)  # type: ignore[arg-type]

    bench.intake = Reloading()
    bench.restart()
    assert await bench.read() == ["a"]
    assert bench.health.story[0].startswith("log refused 1: ")


async def test_how_far_was_read_is_kept_also_where_nothing_is_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    bench.write("app.log", text="nothing\n" * 1000)
    await bench.read()
    bench.write("app.log", text="nothing\n" * 1000)
    bench.seconds += KEEP_SECONDS
    await bench.read()
    assert any('"offset": 16000' in (text or "") for text in bench.intake.positions.values())


async def test_many_entries_go_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_source, "MOST_ENTRIES", 100)
    bench = Bench(tmp_path, "app.log")
    bench.write("app.log", *(f"{number:09}" for number in range(20_000)))
    assert len(await bench.read()) == 20_000
    assert max(count for _, count in bench.intake.calls) <= CHUNK / 20


def open_files(folder: Path) -> set[str]:
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(link.readlink())
    return {path.name for path in found if path.parent == folder and not path.name.endswith("(deleted)")}


@pytest.fixture
def pipe() -> tuple[StandardInput, int]:
    reading, writing = os.pipe()
    return StandardInput(reading), writing


async def test_standard_input_is_read_as_it_comes_and_to_its_end(
    tmp_path: Path, pipe: tuple[StandardInput, int]
) -> None:
    bench = Bench(tmp_path, "-")
    bench.standard_input, writing = pipe
    bench.restart()
    assert await bench.read() == []
    os.write(writing, b"RequestID=a\nRequestID=b")
    assert await bench.read() == ["a"]
    os.write(writing, b"-2\nRequestID=c")
    assert await bench.read() == ["b-2"]
    os.close(writing)
    assert await bench.read() == ["c"]
    assert bench.health.story == ["log up"]


async def test_standard_input_that_can_not_be_read_is_told_and_the_files_beside_it_are_read(
    tmp_path: Path, pipe: tuple[StandardInput, int]
) -> None:
    bench = Bench(tmp_path, "-", "app.log")
    _, writing = pipe
    bench.standard_input = StandardInput(writing)
    bench.restart()
    bench.write("app.log", "a")
    assert await bench.read() == ["a"]
    await bench.read()
    assert bench.health.story == ["log down: standard input: can't be read: Bad file descriptor"]


async def test_standard_input_that_was_closed_at_the_start_is_not_what_was_opened_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, "-")
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdin", None)
        bench.standard_input = StandardInput()
    bench.restart()
    await bench.read()
    await bench.read()
    assert bench.health.story == ["log down: standard input: can't be read: Bad file descriptor"]


async def test_what_standard_input_gave_to_a_source_that_was_replaced_is_not_lost(
    tmp_path: Path, pipe: tuple[StandardInput, int]
) -> None:
    bench = Bench(tmp_path, "-", intake=MemoryIntake(IntakeFull("full")))
    bench.standard_input, writing = pipe
    bench.restart()
    bench.source._delivery._sleep = lambda seconds: asyncio.Event().wait()
    os.write(writing, b"RequestID=a\n")
    draining = asyncio.ensure_future(bench.source.drain())
    await asyncio.sleep(0.01)
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    bench.restart()
    os.write(writing, b"RequestID=b\n")
    assert await bench.read() == ["a", "b"]
    os.close(writing)


@pytest.mark.parametrize("restart", [False, True], ids=["one life", "two lives"])
async def test_a_generation_is_read_that_came_and_went_after_the_clock_was_set_back(
    tmp_path: Path, restart: bool
) -> None:
    bench = Bench(tmp_path, "app.log")
    assert await bench.read() == []
    in_an_hour = time.time() + 3600
    os.utime(bench.write("app.log", "a"), (in_an_hour, in_an_hour))
    assert await bench.read() == ["a"]
    assert await bench.read() == []
    (tmp_path / "app.log").rename(tmp_path / "app.log.2")
    bench.write("app.log.1", "b")
    bench.write("app.log", "c")
    if restart:
        bench.restart()
    assert sorted(await bench.read()) == ["b", "c"]
    assert await bench.read() == []
