"""Signals that come before the process is ready for them, and while it ends."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.process import PROGRAM, environment

CONFIGURATION = """\
accounts:
  - {name: acme, base_url: "http://127.0.0.1:9", api_key_env: ACME_KEY, rate_limit: {plan: pro}}
sources:
  - {type: push}
storage: {url: "memory://"}
"""
# How long after the first moment at which signals are caught: in the imports, the start, and behind it.
MOMENTS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5)
PATIENCE = 20.0


@contextmanager
def starting(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program, from the moment on at which it catches signals."""
    (folder / "config.yaml").write_text(CONFIGURATION)
    process = subprocess.Popen(
        [*PROGRAM, *(arguments or ("--web.listen-address=127.0.0.1:0",))],
        cwd=folder,
        env=environment({"ACME_KEY": "k"}),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        until = time.monotonic() + PATIENCE
        while not caught(process.pid, signal.SIGHUP):
            assert time.monotonic() < until
            time.sleep(0.001)
        try:
            yield process
        finally:
            process.kill()


def caught(process: int, number: signal.Signals) -> bool:
    found = re.search(r"^SigCgt:\s*([0-9a-f]+)$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, (0, 130))])
def test_an_early_signal_to_end_is_obeyed_in_silence(
    moment: float, number: signal.Signals, status: int | tuple[int, int], tmp_path: Path
) -> None:
    with starting(tmp_path) as process:
        time.sleep(moment)
        process.send_signal(number)
        assert process.stderr is not None
        told = process.stderr.read()
        ended = process.wait(PATIENCE)
    assert ended in (status if isinstance(status, tuple) else (status,))
    assert "Traceback" not in told


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_early_wish_to_reload_is_remembered(moment: float, tmp_path: Path) -> None:
    with starting(tmp_path) as process:
        time.sleep(moment)
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        lines = [next(line for line in process.stderr if "configuration reloaded" in line)]
        process.send_signal(signal.SIGTERM)
        lines += process.stderr.readlines()
        assert process.wait(PATIENCE) == 0
    assert not [line for line in lines if "defect" in line or "Traceback" in line]


def test_signals_do_no_harm_while_the_process_ends(tmp_path: Path) -> None:
    with starting(tmp_path) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "started" in line)
        # Without a pause, to its last moment: the event loop is closed, the interpreter ends.
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE) == 0


def test_nothing_but_the_signals_comes_before_they_are_caught() -> None:
    program = (
        "import sys; before = set(sys.modules); import exporter.__main__; "
        "print(sorted(name for name in set(sys.modules) - before if name.startswith(('exporter', 'asyncio', 'argparse'))))"
    )
    ended = subprocess.run([PROGRAM[0], "-c", program], env=environment(), capture_output=True, text=True, check=True)
    assert ended.stdout == "['exporter', 'exporter.__main__', 'exporter.signals']\n"


@pytest.mark.parametrize("arguments", [("upstream", "--web.listen-address=127.0.0.1:0")])
def test_a_command_of_its_own_has_its_own_signals(arguments: tuple[str, ...], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, *arguments], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
