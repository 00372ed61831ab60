"""The program as a service of systemd, with the socket that systemd listens at."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.supervisor import Supervisor
from tests.cli.process import PROGRAM, environment

CONFIGURATION = """\
accounts:
  - {name: acme, base_url: "http://127.0.0.1:1", api_key_env: ACME_KEY}
sources:
  - {type: push}
storage: {url: "memory://"}
"""


@pytest.fixture(params=["path", "abstract"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The value of NOTIFY_SOCKET, and what listens there."""
    address = f"{tmp_path}/notify" if request.param == "path" else f"@{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.settimeout(30.0)
        door.bind(address.replace("@", "\0"))
        yield address, door


def test_systemd_hears_of_readiness_of_life_and_of_the_end(
    listening: tuple[str, socket.socket], tmp_path: Path
) -> None:
    address, door = listening
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    process = subprocess.Popen(
        [*PROGRAM, "--web.listen-address=127.0.0.1:0", "--log.level=error"],
        cwd=tmp_path,
        env=environment({"ACME_KEY": "k", "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"}),
    )
    with process:
        told = [door.recv(100) for _ in range(4)]
        process.send_signal(signal.SIGTERM)
        while told[-1] != b"STOPPING=1":
            told.append(door.recv(100))
        assert process.wait(timeout=10) == 0

    assert told == [b"READY=1", *([b"WATCHDOG=1"] * (len(told) - 2)), b"STOPPING=1"]


async def test_a_process_that_is_not_healthy_falls_silent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(f"{tmp_path}/notify")
        door.setblocking(False)
        supervisor = Supervisor({"NOTIFY_SOCKET": f"{tmp_path}/notify", "WATCHDOG_USEC": "2"})
        states = iter([None, "the poll loop has been silent", None])
        with pytest.raises(RuntimeError, match="StopIteration"):
            await supervisor.watch(lambda: next(states))
        assert [door.recv(100), door.recv(100)] == [b"WATCHDOG=1"] * 2
        with pytest.raises(BlockingIOError):
            door.recv(100)


def test_a_socket_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    Supervisor({"NOTIFY_SOCKET": f"{tmp_path}/gone"}).ready()
    Supervisor({}).ready()
