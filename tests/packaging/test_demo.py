"""The demo with a real Prometheus, as `make demo` starts it."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]


def ask(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def told(output: IO[str], beginning: str) -> str:
    return next(line for line in output if line.startswith(beginning)).split()[-1]


def test_the_demo_shows_exporter_and_prometheus_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts" / "demo"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        prometheus = told(process.stdout, "Prometheus ").partition("graph")[0]
        metrics = told(process.stdout, "Exporter ")
        assert b"leadsquared_requests_pending" in ask(metrics)
        target = metrics.removeprefix("http://").removesuffix("/metrics")
        assert target.encode() in ask(f"{prometheus}api/v1/status/config")
        # As Ctrl-C in a terminal: the whole group hears it.
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read().endswith("stopped\n")
        assert process.wait(timeout=20) == 0

    assert list(tmp_path.iterdir()) == []
