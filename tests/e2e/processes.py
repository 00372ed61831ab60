"""Real processes on free ports of loopback: the simulator, the exporter, Prometheus."""

import json
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")

PATIENCE = 30.0
_PORTS = range(10_240, 32_768)


def free_port() -> int:
    """None that the kernel gives to a connection: a server that was down for a moment has to find it free again."""
    while True:
        port = secrets.choice(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def fetch(url: str, *, data: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10.0) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        # It holds its connection, and would be blamed on whatever test runs when it is collected.
        error.close()
        raise


def fetch_json(url: str) -> Any:
    return json.loads(fetch(url))


def eventually(what: Callable[[], Value], *, fits: Callable[[Value], bool], seconds: float = PATIENCE) -> Value:
    """Ask until the answer fits; the last answer is shown when it never does."""
    deadline = time.monotonic() + seconds
    last: Value | None = None
    trouble: OSError | None = None
    while time.monotonic() < deadline:
        try:
            last = what()
        except OSError as error:
            time.sleep(0.1)
            last = None
            trouble = error
            continue
        if fits(last):
            return last
        time.sleep(0.1)
    raise AssertionError(f"still {last!r} after {seconds:g} s ({trouble})")


@contextmanager
def running(*command: str, told: Path, stdin: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output goes to a file; ended at the end whatever happens."""
    with told.open("ab") as log:
        process = subprocess.Popen(command, stdin=stdin, stdout=log, stderr=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
