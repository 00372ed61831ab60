"""The demo with a real Prometheus, as `make demo` starts it."""

import json
import os
import runpy
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

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
        graph, alerts = told(process.stdout, "Prometheus "), told(process.stdout, "Alerts ")
        prometheus = f"http://{urlsplit(graph).netloc}/"
        assert b"Prometheus" in ask(graph)
        assert b"Alerts" in ask(alerts)
        metrics = told(process.stdout, "Exporter ")
        assert b"leadsquared_requests_pending" in ask(metrics)
        target = metrics.removeprefix("http://").removesuffix("/metrics")
        assert target.encode() in ask(f"{prometheus}api/v1/status/config")
        interrupt(process)
        assert process.stdout.read().endswith("stopped\n")
        assert process.wait(timeout=20) == 0

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("served", "graph", "alerts"),
    [
        ({"/query", "/alerts"}, "/query", "/alerts"),
        ({"/graph", "/alerts"}, "/graph", "/alerts"),
        ({"/classic/graph", "/classic/alerts"}, "/classic/graph", "/classic/alerts"),
    ],
    ids=["3.x", "2.x", "2.x of Debian"],
)
def test_the_demo_links_to_the_pages_that_its_prometheus_has(served: set[str], graph: str, alerts: str) -> None:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in served else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on standard error."""

    page = runpy.run_path(str(ROOT / "scripts" / "demo"))["page"]
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        found = page(url, "Prometheus"), page(url, "Alerts")
        server.shutdown()
        thread.join()

    assert found == (url + graph, url + alerts)


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
        alerts = f"http://{urlsplit(told(process.stdout, 'Alerts ')).netloc}/api/v1/alerts"
        _, _, right, address = shlex.split(
            next(line for line in process.stdout if line.startswith("Put it right"))[12:]
        )

        def firing() -> set[str]:
            found = json.loads(ask(alerts))["data"]["alerts"]
            return {one["labels"]["alertname"] for one in found if one["state"] == "firing"}

        assert eventually(firing, fits=bool, seconds=180.0) == {"LeadSquaredRequestsStuck"}
        assert json.loads(fetch(address, data=right.encode()))["queue.error"] == 0.05
