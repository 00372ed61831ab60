"""The demo with a real Prometheus, as `make demo` starts it."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.e2e.processes import eventually, fetch

ROOT = Path(__file__).parents[2]


def ask(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def told(output: IO[str], beginning: str) -> str:
    return next(line for line in output if line.startswith(beginning)).split()[-1]


def interrupt(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C in a terminal: the whole group hears it."""
    os.killpg(process.pid, signal.SIGINT)


@contextmanager
def demo(folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts" / "demo", *flags],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                interrupt(process)


def test_the_demo_shows_exporter_and_prometheus_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        assert process.stdout is not None
        prometheus = told(process.stdout, "Prometheus ").partition("graph")[0]
        metrics = told(process.stdout, "Exporter ")
        assert b"leadsquared_requests_pending" in ask(metrics)
        target = metrics.removeprefix("http://").removesuffix("/metrics")
        assert target.encode() in ask(f"{prometheus}api/v1/status/config")
        interrupt(process)
        assert process.stdout.read().endswith("stopped\n")
        assert process.wait(timeout=20) == 0

    assert list(tmp_path.iterdir()) == []


def test_a_demo_whose_port_is_taken_says_so_and_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        ended = subprocess.run(
            [sys.executable, "-m", "exporter", "demo", f"--listen={taken}"], cwd=ROOT, capture_output=True, text=True
        )
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        1,
        "",
        f"leadsquared-exporter: error: --web.listen-address: {taken}: "
        "the port is taken; stop what listens there, or choose another one\n",
    )


@pytest.mark.heavy
def test_a_stuck_update_fires_within_three_minutes_of_a_demo_with_trouble(tmp_path: Path) -> None:
    with demo(tmp_path, "--trouble=stuck") as process:
        assert process.stdout is not None
        alerts = told(process.stdout, "Alerts ").removesuffix("alerts") + "api/v1/alerts"
        _, _, right, address = shlex.split(
            next(line for line in process.stdout if line.startswith("Put it right"))[12:]
        )

        def firing() -> set[str]:
            found = json.loads(ask(alerts))["data"]["alerts"]
            return {one["labels"]["alertname"] for one in found if one["state"] == "firing"}

        assert eventually(firing, fits=bool, seconds=180.0) == {"LeadSquaredRequestsStuck"}
        assert json.loads(fetch(address, data=right.encode()))["queue.error"] == 0.05
