"""Which files belong to which log, where names alone do not tell."""

from pathlib import Path

import pytest

from exporter.sources.log.family import logs_of
from tests.sources.logs import Bench, make_old

LOGS = (
    "app.log",
    "worker-1.log",
    "pod-0.log",
    "app_8080.log",
    "ip-10-0-0-1.log",
    "10.0.0.7.log",
    "api-v2.1.log",
    "app-2026-01-31.log",
    "web-7f9c6d5b4-x2x9z.log",
    "syslog",
    "worker-1",
    "server.log4j",
)


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize(
    "turn", [".1", ".0", "-20260131", "-20260131-1769817600", ".2026-01-31T12:00:00", "_2026-01-31", ".old"]
)
def test_what_rotation_appends_to_any_name_leads_back_to_the_log(log: str, turn: str) -> None:
    assert log in logs_of(log + turn)


@pytest.mark.parametrize("log", [log for log in LOGS if "." in log])
@pytest.mark.parametrize("turn", [".1", ".0", "-20260131", "-20260131120000", "_2026-01-31"])
def test_what_rotation_puts_before_the_extension_leads_back_to_the_log(log: str, turn: str) -> None:
    stem, dot, extension = log.rpartition(".")
    assert log in logs_of(stem + turn + dot + extension)


def test_every_reading_of_an_ambiguous_name_is_given_the_longest_first() -> None:
    assert list(logs_of("pod-0.log.1")) == ["pod-0.log", "pod"]
    assert list(logs_of("app-1.log")) == ["app", "app.log"]
    assert list(logs_of("app.log")) == []


@pytest.mark.parametrize("log", ["worker-1.log", "pod-0.log", "app_8080.log", "ip-10-0-0-1.log"])
@pytest.mark.parametrize("pattern", ["{}", "*.log"])
async def test_a_name_with_a_digit_is_followed_through_copies(tmp_path: Path, log: str, pattern: str) -> None:
    bench, written = Bench(tmp_path, pattern.format(log)), []
    for turn in range(6):
        for part in range(2):
            ids = [f"{turn}-{part}-{number}" for number in range(10)]
            path = bench.write(log, *ids)
            written += ids
            if part == 0:
                await bench.read()
        path.with_name(f"{log}.{turn + 1}").write_bytes(path.read_bytes())
        path.write_bytes(b"")
    await bench.read()
    assert sorted(bench.intake.ids) == sorted(written)


@pytest.mark.parametrize("log", ["worker-1.log", "pod-0.log", "app_8080.log", "ip-10-0-0-1.log"])
async def test_generations_of_a_name_with_a_digit_are_read_that_no_look_has_met(tmp_path: Path, log: str) -> None:
    bench, written = Bench(tmp_path, log), []
    for turn in range(15):
        ids = [f"{turn}-{number}" for number in range(10)]
        bench.write(log, *ids).rename(tmp_path / f"{log}-{20260101 + turn}")
        written += ids
        if turn % 5 == 0:
            await bench.read()
    await bench.read()
    assert sorted(bench.intake.ids) == sorted(written)


BANNER = "=" * 1500 + "\n"


async def test_files_that_share_a_banner_are_each_read_from_their_beginning(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    for day in range(4):
        bench.write("app.log", text=BANNER)
        bench.write("app.log", *(f"{day}-{number}" for number in range(80 - 15 * day)))
        assert len(await bench.read()) == 80 - 15 * day
        (tmp_path / "app.log").rename(tmp_path / f"app.log-{20260101 + day}")


async def test_after_a_restart_a_shorter_file_with_the_same_banner_is_no_copy(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    bench.write("app.log", text=BANNER)
    bench.write("app.log", *(f"first-{number}" for number in range(100)))
    await bench.read()
    (tmp_path / "app.log").unlink()
    bench.write("app.log.1", text=BANNER)
    bench.write("app.log.1", *(f"second-{number}" for number in range(20)))
    bench.write("app.log", text=BANNER)
    bench.write("app.log", *(f"third-{number}" for number in range(20)))
    bench.restart()
    assert len(await bench.read()) == 40


@pytest.mark.parametrize("restarts", [False, True])
async def test_two_logs_that_are_alike_but_for_their_first_lines_are_both_read(tmp_path: Path, restarts: bool) -> None:
    bench = Bench(tmp_path, "app*.log")
    for name in ("app.log", "app-1.log"):
        bench.write(name, text=BANNER)
        bench.write(name, *(f"{name:10}-{number:02}".replace(" ", "_") for number in range(20)))
        bench.write(name, text="heartbeat\n" * 1000)
        if name == "app.log":
            bench.write(name, *(f"more-{number}" for number in range(20)))
            await bench.read()
            if restarts:
                bench.restart()
    assert len(await bench.read()) == 20


async def test_of_a_copy_that_ends_before_what_was_read_only_the_last_lines_are_read_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    for number in range(400):
        bench.write("app.log", f"before-{number}")
        await bench.read()
    copy = (tmp_path / "app.log").read_bytes()
    bench.write("app.log", *(f"after-{number}" for number in range(50)))
    await bench.read()
    (tmp_path / "app.log.1").write_bytes(copy)
    (tmp_path / "app.log").write_bytes(b"")
    before = sum(size for _, size in bench.intake.calls)
    bench.write("app.log", "next")
    assert await bench.read() == ["next"]
    # 4 KiB lie between two places that are remembered; a line has 30 bytes.
    assert sum(size for _, size in bench.intake.calls) - before < 200


async def test_a_file_that_another_source_names_is_that_ones_alone(tmp_path: Path) -> None:
    others = [str(tmp_path / "app-*.log")]
    bench = Bench(tmp_path, "app.log", others=others)
    bench.write("app.log", "mine")
    for number in range(7):
        bench.write(f"app-{number}.log", f"theirs-{number}")
    assert await bench.read() == ["mine"]
    bench.write("app.log", "mine-too").rename(tmp_path / "app.log.1")
    bench.write("app.log", "mine-again")
    assert sorted(await bench.read()) == ["mine-again", "mine-too"]
    bench.restart()
    bench.write("app-9.log", "theirs-9")
    assert await bench.read() == []


async def test_a_generation_of_another_sources_log_is_that_ones_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log", others=[str(tmp_path / "app-*.log")])
    bench.write("app.log", "mine")
    for name in ("app-1.2.log", "app-1.20260131.log", "app-1.log.1"):
        bench.write(name, f"theirs-in-{name}")
    assert await bench.read() == ["mine"]


async def test_a_file_that_both_sources_name_is_read_by_both(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*.log", others=[str(tmp_path / "app-1.log")])
    bench.write("app-1.log", "both")
    assert await bench.read() == ["both"]


async def test_an_older_file_beside_a_log_is_left_alone_whatever_it_is_called(tmp_path: Path) -> None:
    make_old(Bench(tmp_path).write("worker-1.log.7", "old"))
    bench = Bench(tmp_path, "worker-1.log")
    bench.write("worker-1.log", "new")
    assert await bench.read() == ["new"]


async def test_half_a_line_of_a_log_that_was_just_renamed_waits_for_its_other_half(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "app.log")
    path = bench.write("app.log", "first")
    await bench.read()
    bench.seconds += 600.0
    bench.write("app.log", text="info RequestID=seco")
    path.rename(tmp_path / "app.log.1")
    assert await bench.read() == []
    bench.seconds += 59.0
    bench.write("app.log.1", text="n")
    assert await bench.read() == []
    bench.seconds += 59.0
    assert await bench.read() == []
    bench.write("app.log.1", text="d done\n")
    assert await bench.read() == ["second"]
