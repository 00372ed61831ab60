"""More connections than there are descriptors, all of which say nothing."""

import resource
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import eventually, fetch, free_port, running
from tests.e2e.stage import EXPORTER

IDLE = 1_100
CONFIGURATION = """\
accounts:
  - name: acme
    base_url: {upstream}
    api_key_file: key
    rate_limit: {{calls: 50, period: 1s, share: 0.5}}
sources:
  - {{type: push}}
  - {{type: gateway, account: acme, listen: "127.0.0.1:{gateway}"}}
polling: {{policy: round_robin, max_staleness: 4s}}
storage: {{url: "sqlite:///{folder}/state.db"}}
"""


class Stage:
    """An exporter with few descriptors that polls all the time."""

    def __init__(self, folder: Path, stack: ExitStack, *, descriptors: int, loop: str) -> None:
        self.folder = folder
        self.ports = {"web": free_port(), "gateway": free_port()}
        upstream = f"http://127.0.0.1:{free_port()}"
        (folder / "key").write_text("stage-key")
        (folder / "config.yaml").write_text(
            CONFIGURATION.format(upstream=upstream, gateway=self.ports["gateway"], folder=folder)
        )
        listen = f"--web.listen-address={upstream.removeprefix('http://')}"
        command = (*EXPORTER, "upstream", listen, "--key=stage-key", "--rate=1000/1s", "--queue.rate=0.001")
        stack.enter_context(running(*command, told=folder / "upstream.log"))
        eventually(lambda: fetch(f"{upstream}/simulator/truth"), fits=bool)
        bounded = ("bash", "-c", 'ulimit -n "$0"; exec "$@"', str(descriptors), *EXPORTER)
        flags = (f"--config.file={folder}/config.yaml", f"--web.listen-address=127.0.0.1:{self.ports['web']}")
        told = folder / "exporter.log"
        self.process = stack.enter_context(running(*bounded, *flags, f"--event-loop={loop}", told=told))
        eventually(lambda: fetch(f"http://127.0.0.1:{self.ports['web']}/-/ready"), fits=bool)
        for _ in range(100):
            self.submit()

    def submit(self) -> bytes:
        headers = {"x-api-key": "stage-key", "Content-Type": "application/json"}
        return fetch(f"http://127.0.0.1:{self.ports['gateway']}/lead/update", data=b"[]", headers=headers)

    def polls(self) -> float:
        lines = fetch(f"http://127.0.0.1:{self.ports['web']}/metrics").decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("leadsquared_polls_total{"))

    def pace(self, seconds: float = 3.0) -> float:
        began, before = time.monotonic(), self.polls()
        time.sleep(seconds)
        return (self.polls() - before) / (time.monotonic() - began)

    def cpu(self) -> float:
        """Seconds of the processor that the exporter has had."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def crowd(port: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10.0)) for _ in range(IDLE)]


def open_ones(connections: list[socket.socket]) -> int:
    """Those that the other side has not closed."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        return len(connections) - len(selector.select(0))


@pytest.mark.parametrize(
    ("listener", "descriptors", "most", "loop"),
    [
        ("web", 1024, 256, "uvloop"),
        ("web", 1024, 256, "asyncio"),
        ("gateway", 1024, 256, "asyncio"),
        ("gateway", 256, 64, "uvloop"),
    ],
)
def test_connections_that_say_nothing_take_nothing_from_anyone(
    listener: str, descriptors: int, most: int, loop: str, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    with ExitStack() as stack:
        stage = Stage(tmp_path, stack, descriptors=descriptors, loop=loop)
        alone = stage.pace()
        with crowd(stage.ports[listener]) as connections:
            began = time.monotonic()
            assert fetch(f"http://127.0.0.1:{stage.ports['web']}/-/healthy") == b"healthy\n"
            assert b"RequestID" in stage.submit()
            assert time.monotonic() - began < 5.0
            eventually(lambda: open_ones(connections), fits=lambda left: left <= most)
            used = stage.cpu()
            beset = stage.pace()
            used = stage.cpu() - used
            assert fetch(f"http://127.0.0.1:{stage.ports['web']}/-/healthy") == b"healthy\n"
        log = (tmp_path / "exporter.log").read_text()
    assert beset >= 0.8 * alone > 5.0
    assert used < 1.5
    assert log.count("\n") < 40
    assert (f"listener={listener}" in log, "defect" in log) == (True, False)
