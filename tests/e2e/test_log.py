"""The real process on real logs, beside the real logrotate: killed, reloaded, and fed through its standard input."""

import json
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.e2e.processes import eventually, fetch, free_port, running
from tests.e2e.stage import EXPORTER
from tests.rotation import COPIES, Application, Logrotate

CONFIGURATION = """\
accounts:
  - name: acme
    base_url: http://127.0.0.1:1
    api_key: none
    rate_limit: {{calls: 1, period: 1h, share: 1}}
sources:
{sources}
storage: {{url: "sqlite:///{folder}/state.db"}}
"""
LOG = (
    "  - {{type: log, account: acme, name: {name}, paths: ['{paths}'], pattern: 'RequestID=(?P<request_id>[0-9-]+)'}}\n"
)


class Exporter:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self._stack = stack

    def configure(self, *sources: str) -> None:
        text = CONFIGURATION.format(sources="".join(sources), folder=self.folder)
        (self.folder / "config.yaml").write_text(text)

    def start(self, *shell: str, stdin: int | None = None) -> "subprocess.Popen[bytes]":
        """`shell` is a command that becomes the exporter's."""
        listen = f"--web.listen-address={self.url.removeprefix('http://')}"
        command = (*shell, *EXPORTER, f"--config.file={self.folder}/config.yaml", listen)
        process = self._stack.enter_context(running(*command, told=self.folder / "exporter.log", stdin=stdin))
        eventually(lambda: fetch(f"{self.url}/-/ready"), fits=bool)
        return process

    def shown(self, family: str) -> dict[str, float]:
        """By source."""
        lines = [line for line in fetch(f"{self.url}/metrics").decode().splitlines() if line.startswith(family + "{")]
        return {line.partition('source="')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}

    def discovered(self, source: str) -> int:
        return int(self.shown("leadsquared_requests_discovered_total").get(source, 0))

    def stored(self) -> list[str]:
        connection = sqlite3.connect(self.folder / "state.db")
        rows = [name for (name,) in connection.execute("SELECT request_id FROM requests")]
        connection.close()
        return rows


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    with ExitStack() as stack:
        yield Exporter(tmp_path, stack)


@pytest.mark.parametrize("directives", ["create", COPIES])
def test_nothing_is_lost_or_counted_twice_while_logs_rotate_and_the_exporter_dies(
    exporter: Exporter, directives: str
) -> None:
    chance = random.Random(directives)
    logs = exporter.folder / "logs"
    logs.mkdir()
    application = Application(logs / "app.log", holds=directives == COPIES)
    rotate = Logrotate(exporter.folder, application.log, directives)
    exporter.configure(LOG.format(name="app", paths=application.log))
    with application.running():
        for _ in range(4):
            process = exporter.start()
            for _ in range(chance.randrange(1, 4)):
                time.sleep(chance.uniform(0.1, 0.5))
                with application.still:
                    rotate()
            process.send_signal(signal.SIGKILL)
            process.wait()
            with application.still:
                rotate()
    exporter.start()
    eventually(lambda: exporter.discovered("app"), fits=lambda count: count >= len(application.written))
    assert exporter.discovered("app") == len(application.written)
    assert sorted(exporter.stored()) == sorted(application.written)
    assert exporter.shown("leadsquared_exporter_source_up") == {"app": 1}


def test_a_reload_adds_changes_and_removes_logs(exporter: Exporter) -> None:
    (exporter.folder / "one.log").write_text("RequestID=1\n")
    (exporter.folder / "two.log").write_text("RequestID=2\n")
    (exporter.folder / "folder").mkdir()
    exporter.configure(LOG.format(name="first", paths="one.log"))
    process = exporter.start()
    eventually(lambda: exporter.discovered("first"), fits=lambda count: count == 1)
    exporter.configure(LOG.format(name="first", paths="*.log"), LOG.format(name="second", paths="folder"))
    process.send_signal(signal.SIGHUP)
    eventually(lambda: exporter.discovered("first"), fits=lambda count: count == 2)
    eventually(
        lambda: exporter.shown("leadsquared_exporter_source_up"), fits=lambda up: up == {"first": 1, "second": 0}
    )
    exporter.configure(LOG.format(name="second", paths="folder"))
    process.send_signal(signal.SIGHUP)
    eventually(lambda: exporter.shown("leadsquared_exporter_source_up"), fits=lambda up: up == {"second": 0})


def test_a_source_that_changes_its_type_on_reload_leaves_no_state_of_the_former(exporter: Exporter) -> None:
    def states() -> list[str]:
        shown = fetch(f"{exporter.url}/metrics").decode().splitlines()
        return [line for line in shown if line.startswith("leadsquared_exporter_source_up{")]

    (exporter.folder / "ids.txt").mkdir()
    exporter.configure("  - {type: file, account: acme, name: app, paths: [ids.txt]}\n")
    process = exporter.start()
    eventually(states, fits=lambda found: found == ['leadsquared_exporter_source_up{source="app",type="file"} 0.0'])
    exporter.configure(LOG.format(name="app", paths="*.log"))
    process.send_signal(signal.SIGHUP)
    eventually(states, fits=lambda found: found == ['leadsquared_exporter_source_up{source="app",type="log"} 1.0'])


def test_standard_input_is_a_log_too(exporter: Exporter) -> None:
    exporter.configure(LOG.format(name="pipe", paths="-"))
    application = subprocess.Popen(("cat",), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert application.stdin is not None
    assert application.stdout is not None
    with application:
        process = exporter.start(stdin=application.stdout.fileno())
        for number in range(2):
            application.stdin.write(b"POST /leads RequestID=%d\n" % number)
            application.stdin.flush()
            eventually(lambda: exporter.discovered("pipe"), fits=(number + 1).__eq__)
        process.terminate()
        assert process.wait(10.0) == 0


@pytest.mark.parametrize("closing", ["<&-", "0>/dev/null"])
def test_a_standard_input_that_can_not_be_read_is_down(exporter: Exporter, closing: str) -> None:
    exporter.configure(LOG.format(name="pipe", paths="-"))
    process = exporter.start("sh", "-c", f'exec "$@" {closing}', "sh")
    eventually(lambda: exporter.shown("leadsquared_exporter_source_up")["pipe"], fits=(0.0).__eq__)
    told = 'source=pipe problem="standard input: can\'t be read: Bad file descriptor"'
    assert told in (exporter.folder / "exporter.log").read_text()
    assert fetch(f"{exporter.url}/-/healthy")
    process.terminate()
    assert process.wait(10.0) == 0


def test_a_list_that_is_pulled_is_taken_in_once_across_kills(exporter: Exporter) -> None:
    class Application(BaseHTTPRequestHandler):
        ids: tuple[str, ...] = ("a", "b")

        def do_GET(self) -> None:
            body = json.dumps([{"request_ids": list(self.ids)}]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Application) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/pending"
        exporter.configure(f"  - {{type: http, account: acme, name: app, url: '{url}', interval: 1s}}\n")
        process = exporter.start()
        eventually(lambda: exporter.discovered("app"), fits=lambda count: count == 2)
        process.kill()
        process.wait()
        Application.ids = ("b", "c")
        exporter.start()
        eventually(lambda: exporter.discovered("app"), fits=lambda count: count == 3)
        server.shutdown()
    assert sorted(exporter.stored()) == ["a", "b", "c"]
