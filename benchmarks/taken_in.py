"""How fast a process takes RequestIDs into its SQLite file, seen from outside: the exporter, or a rival with the same table."""

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0

Command = Callable[[int], tuple[str, ...]]

# One call an hour: the exporter has all its time for the intake, and asks nobody.
CONFIGURATION = """\
accounts:
  - name: acme
    base_url: http://127.0.0.1:1
    api_key: none
    rate_limit: {{calls: 1, period: 1h, share: 1}}
sources: [{{{source}}}]
storage: {{url: "sqlite:///{folder}/state.db", max_pending: 10000000}}
"""


@dataclass(frozen=True, slots=True)
class Speed:
    """RequestIDs a second, from the first that was taken in to the last, and the processor's microseconds for each.

    The first depends on what else the machine does, the second hardly."""

    rate: float
    cost: float

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s ({self.cost:.0f} µs of CPU each)"


def speed_of_exporter(folder: Path, source: str, count: int) -> Speed:
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIGURATION.format(source=source, folder=folder))
    flags = (f"--config.file={folder}/config.yaml", "--web.listen-address=127.0.0.1:0", "--log.level=error")
    return _speed(folder / "state.db", ("exporter", *flags), count)


def speed_of_rival(folder: Path, *command: str, count: int) -> Speed:
    """The same of a module whose argument --path names its file."""
    folder.mkdir()
    path = folder / "rival.db"
    return _speed(path, (*command, f"--path={path}"), count)


def compare(folder: Path, *, count: int, rounds: int, name: str, rival: Command, source: Callable[[int], str]) -> None:
    """Prints each round's figures and the median ratio. `rival` and `source` are told the number of the round."""
    ratios = []
    for number in range(1, rounds + 1):
        plain = speed_of_rival(folder / f"rival-{number}", *rival(number), count=count)
        ours = speed_of_exporter(folder / f"exporter-{number}", source(number), count)
        ratios.append(ours.rate / plain.rate)
        print(f"round {number}: exporter {ours}, {name} {plain}, ratio {ratios[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f}")


def arguments(doc: str, *hidden: str) -> argparse.Namespace:
    """`hidden` are those that this module gives to itself, where it is started as the rival."""
    parser = argparse.ArgumentParser(description=doc.partition("\n")[0])
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    for name in ("url", "path", *hidden):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    return parser.parse_args()


def _speed(path: Path, command: tuple[str, ...], count: int) -> Speed:
    process = subprocess.Popen((sys.executable, "-m", *command))
    try:
        first, began = _wait(path, process, 1)
        before = _cpu_seconds(process.pid)
        last, ended = _wait(path, process, count)
        spent = _cpu_seconds(process.pid) - before
    finally:
        process.terminate()
        process.wait()
    return Speed((last - first) / (ended - began), spent / (last - first) * 1e6)


def _cpu_seconds(process: int) -> float:
    """User and system time of all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait(path: Path, process: "subprocess.Popen[bytes]", wanted: int) -> tuple[int, float]:
    """How many there are when there are as many as wanted, and when that was."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        count = _count(path)
        if count >= wanted:
            return count, time.perf_counter()
        time.sleep(0.005)
    raise SystemExit(f"{process.args!r} has not taken in {wanted} RequestIDs")


def _count(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM requests").fetchone()
            return int(count)
    except sqlite3.OperationalError:
        # There is no file yet, or no table.
        return 0
