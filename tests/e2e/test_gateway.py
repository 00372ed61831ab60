"""The gateway of a real process: killed, reloaded, stopped, with a real disk behind it."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from html import unescape
from pathlib import Path

import pytest

from tests.e2e.processes import eventually, fetch, fetch_json, free_port, running
from tests.e2e.submissions import PROGRAM, submit

CONFIGURATION = """\
accounts:
  - name: acme
    base_url: {upstream}
    api_key_file: key
    rate_limit: {{calls: 100, period: 1s, share: 0.5}}
    apis: {{lead_update: , lead_capture: }}
sources:
  - {{type: gateway, account: acme, listen: "127.0.0.1:{gateway}"}}
storage: {{url: "sqlite:///{folder}/state.db"}}
"""
KEY = {"x-api-key": "stage-key", "Content-Type": "application/json"}


class Stage:
    def __init__(self, folder: Path, stack: ExitStack, *options: str) -> None:
        self.folder = folder
        self.upstream = f"http://127.0.0.1:{free_port()}"
        self.port = free_port()
        self.web = f"http://127.0.0.1:{free_port()}"
        self._stack = stack
        (folder / "key").write_text("stage-key")
        self.configure(CONFIGURATION.format(upstream=self.upstream, gateway=self.port, folder=folder))
        listen = f"--web.listen-address={self.upstream.removeprefix('http://')}"
        command = (
            *PROGRAM,
            "upstream",
            listen,
            "--key=stage-key",
            "--rate=1000/1s",
            "--queue.rate=100",
            "--seed=0",
            *options,
        )
        stack.enter_context(running(*command, told=folder / "upstream.log"))
        eventually(lambda: fetch(f"{self.upstream}/simulator/truth"), fits=bool)
        self.process = self.start()

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self, text: str) -> None:
        (self.folder / "config.yaml").write_text(text)

    def start(self) -> "subprocess.Popen[bytes]":
        listen = f"--web.listen-address={self.web.removeprefix('http://')}"
        command = (*PROGRAM, f"--config.file={self.folder}/config.yaml", listen)
        process = self._stack.enter_context(running(*command, told=self.folder / "exporter.log"))
        eventually(lambda: fetch(f"{self.web}/-/ready"), fits=bool)
        return process

    def submit(self, path: str = "/lead/update") -> str:
        answer = json.loads(fetch(f"{self.gateway}{path}?accessKey=k", data=b"[]", headers=KEY))
        request_id: str = answer["RequestID"]
        return request_id

    def record(self, request_id: str) -> dict[str, object]:
        found: dict[str, object] = fetch_json(f"{self.web}/api/v1/requests/{request_id}")
        return found

    def metric(self, series: str) -> float:
        lines = fetch(f"{self.web}/metrics").decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == series)

    def submissions_seen(self) -> int:
        return len(fetch(f"{self.upstream}/simulator/requests").splitlines())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


def test_no_request_whose_answer_arrived_is_lost_however_often_the_exporter_is_killed(tmp_path: Path) -> None:
    outcome = submit(tmp_path, submissions=1200, kills=4)
    assert (outcome.odd, outcome.lost, outcome.kills) == ([], set(), 4)
    assert len(outcome.answered) >= 1200
    assert outcome.errors > 0


def test_a_submission_is_watched_to_its_end_and_its_status_comes_from_the_cache_across_a_restart(stage: Stage) -> None:
    request_id = stage.submit()
    record = stage.record(request_id)
    assert (record["source"], record["api"]) == ("gateway", "lead_update")
    assert record["submitted_at"] is not None
    eventually(lambda: stage.record(request_id)["state"], fits=lambda state: state == "finished")
    url = f"{stage.gateway}/lead/update/status?RequestID={request_id}"
    assert fetch_json(url)["TaskStatus"]["Status"] == "Success"
    stage.process.send_signal(signal.SIGKILL)
    stage.process.wait()
    stage.process = stage.start()
    assert fetch_json(url)["TaskStatus"]["RequestBody"] is None
    assert stage.metric('leadsquared_gateway_cached_answers_total{account="acme"}') == 1
    assert stage.metric('leadsquared_api_calls_total{account="acme",code="200",endpoint="gateway"}') == 0
    answer = json.loads(fetch(f"{url}&max_age=0", headers=KEY))
    assert answer["TaskStatus"]["RequestBody"] == "[]"
    assert stage.metric('leadsquared_api_calls_total{account="acme",code="200",endpoint="gateway"}') == 1


def test_what_the_configuration_lacks_is_shown_with_the_line_that_settles_it(stage: Stage) -> None:
    watched = stage.submit("/v2/LeadManagement.svc/Lead.Capture")
    assert stage.record(watched)["api"] == "lead_capture"
    stage.submit("/v2/OpportunityManagement.svc/Update")
    assert stage.metric('leadsquared_gateway_unrecorded_total{account="acme"}') == 1
    assert "1 submission passed the gateway of" in fetch(f"{stage.web}/").decode()
    page = unescape(fetch(f"{stage.web}/accounts/acme").decode())
    (line,) = re.findall("<pre>(.*)</pre>", page)
    assert line == "apis: {lead_update: {}, lead_capture: {}, opportunity_update: {}}"
    text = (stage.folder / "config.yaml").read_text()
    stage.configure(text.replace("apis: {lead_update: , lead_capture: }", line))
    stage.process.send_signal(signal.SIGHUP)
    eventually(lambda: fetch(f"{stage.web}/").decode(), fits=lambda shown: "passed the gateway" not in shown)
    assert stage.record(stage.submit("/opportunity/update"))["api"] == "opportunity_update"


def test_a_reload_moves_the_gateway_and_follows_the_account(stage: Stage) -> None:
    text = (stage.folder / "config.yaml").read_text()
    former, stage.port = stage.port, free_port()
    stage.configure(text.replace(str(former), str(stage.port)).replace("lead_capture: ", ""))
    stage.process.send_signal(signal.SIGHUP)
    eventually(lambda: _is_open(stage), fits=bool)
    captured = stage.submit("/lead/capture")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        stage.record(captured)
    with pytest.raises(urllib.error.URLError, match="refused"):
        fetch(f"http://127.0.0.1:{former}/elsewhere")
    stage.configure(text.replace(str(former), str(stage.port)))
    stage.process.send_signal(signal.SIGHUP)
    known = eventually(lambda: _found(stage, stage.submit("/lead/capture")), fits=bool)
    assert known


def test_a_reload_closes_no_port_and_ends_no_call(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = Stage(tmp_path, stack, "--answer.latency=3s")
        text = (tmp_path / "config.yaml").read_text()
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(stage.submit)
            eventually(stage.submissions_seen, fits=bool)
            stage.configure(text.replace("}\nstorage", ", record_timeout: 100ms}\nstorage"))
            stage.process.send_signal(signal.SIGHUP)
            while not under_way.done():
                socket.create_connection(("127.0.0.1", stage.port)).close()
                time.sleep(0.01)
            assert _found(stage, under_way.result())
        assert "configuration reloaded" in (tmp_path / "exporter.log").read_text()


def test_of_reloads_that_overlap_the_last_one_holds(tmp_path: Path) -> None:
    """The first has to wait for the gateway that it takes away: a call is under way there."""
    with ExitStack() as stack:
        stage = Stage(tmp_path, stack, "--answer.latency=2s")
        text = (tmp_path / "config.yaml").read_text()
        gateway = next(line for line in text.splitlines() if "type: gateway" in line)
        told, ids = tmp_path / "exporter.log", tmp_path / "ids.txt"
        ids.write_text("")
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(stage.submit)
            eventually(stage.submissions_seen, fits=bool)
            stage.configure(
                text.replace(gateway, f"  - {{type: file, account: acme, paths: [{ids}]}}\n  - {{type: push}}")
            )
            stage.process.send_signal(signal.SIGHUP)
            time.sleep(0.3)
            stage.configure(text.replace(gateway, "  - {type: push}"))
            stage.process.send_signal(signal.SIGHUP)
            assert under_way.result()
        lines = eventually(
            lambda: [line for line in told.read_text().splitlines() if "configuration reloaded" in line],
            fits=lambda found: len(found) == 2,
        )
        assert "sources=1" in lines[-1]
        ids.write_text("late\n")
        time.sleep(1.5)
        assert not _found(stage, "late")


def test_what_was_refused_by_a_full_exporter_is_recorded_after_a_reload_that_makes_room(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = Stage(tmp_path, stack, "--queue.rate=0.01")
        text = (tmp_path / "config.yaml").read_text()
        stage.configure(text.replace('state.db"', 'state.db", max_pending: 1'))
        stage.process.send_signal(signal.SIGHUP)
        eventually(lambda: "configuration reloaded" in (tmp_path / "exporter.log").read_text(), fits=bool)
        passed = [stage.submit() for _ in range(5)]
        assert stage.metric('leadsquared_gateway_unrecorded_total{account="acme"}') == 4
        stage.configure(text.replace("}\nstorage", ", max_wait: 3s}\nstorage"))
        stage.process.send_signal(signal.SIGHUP)
        eventually(lambda: [_found(stage, one) for one in passed], fits=all)


def _is_open(stage: Stage) -> bool:
    """The simulator answers 404 there, through the gateway."""
    try:
        fetch(f"{stage.gateway}/elsewhere", headers=KEY)
    except urllib.error.HTTPError as error:
        return error.code == 404
    return False


def _found(stage: Stage, request_id: str) -> bool:
    try:
        return bool(stage.record(request_id))
    except urllib.error.HTTPError:
        return False


def test_a_taken_port_is_told_and_tried_again(stage: Stage) -> None:
    text = (stage.folder / "config.yaml").read_text()
    up = 'leadsquared_exporter_source_up{source="gateway",type="gateway"}'
    with socket.create_server(("127.0.0.1", 0)) as taken:
        stage.configure(text.replace(f"127.0.0.1:{stage.port}", f"127.0.0.1:{taken.getsockname()[1]}"))
        stage.process.send_signal(signal.SIGHUP)
        eventually(lambda: stage.metric(up), fits=lambda value: value == 0)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            fetch(f"{stage.web}/-/ready")
        fetch(f"{stage.web}/-/healthy")
    stage.configure(text)
    stage.process.send_signal(signal.SIGHUP)
    eventually(lambda: stage.metric(up), fits=lambda value: value == 1)
    assert stage.submit()


def test_while_the_database_can_not_be_written_answers_pass_and_are_counted(stage: Stage) -> None:
    known = stage.submit()
    blocker = _lock(stage.folder / "state.db")
    try:
        passed = stage.submit()
        unrecorded = 'leadsquared_gateway_unrecorded_total{account="acme"}'
        eventually(lambda: stage.metric(unrecorded), fits=lambda value: value == 1)
    finally:
        blocker.kill()
        blocker.wait()
    eventually(lambda: _found(stage, passed), fits=bool)
    assert _found(stage, known)
    assert stage.submissions_seen() == 2


def _lock(database: Path) -> "subprocess.Popen[bytes]":
    """A process that holds the database as a backup gone wrong does."""
    script = (
        "import sqlite3, sys, time; held = sqlite3.connect(sys.argv[1]); held.execute('BEGIN IMMEDIATE'); "
        "print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([PROGRAM[0], "-c", script, str(database)], stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"held\n"
    return process


def test_a_stop_while_the_store_is_locked_keeps_what_passed_and_tells_of_no_defect(stage: Stage) -> None:
    kept = stage.submit()
    eventually(lambda: stage.record(kept)["state"], fits=lambda state: state == "finished")
    other = sqlite3.connect(stage.folder / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    passed = [stage.submit() for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        last = [pool.submit(stage.submit) for _ in range(5)]
        time.sleep(0.2)
        stage.process.send_signal(signal.SIGTERM)
        answered = [one.result() for one in last if one.exception() is None]
    assert stage.process.wait(25.0) == 1
    told = (stage.folder / "exporter.log").read_text()
    assert "defect" not in told
    assert "never retrieved" not in told
    assert "submissions wait in the spool for the next start" in told
    assert "no longer taken in" not in told
    other.close()
    stage.process = stage.start()
    for request_id in (*passed, *answered):
        eventually(lambda name=request_id: stage.record(name)["state"], fits=lambda state: state == "finished")  # type: ignore[misc]
    eventually(
        lambda: stage.metric('leadsquared_exporter_spool_pending{account="acme"}'), fits=lambda count: count == 0
    )


def test_a_stop_just_when_the_store_is_free_again_gives_up_nothing_that_waits_in_the_spool(stage: Stage) -> None:
    other = sqlite3.connect(stage.folder / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    passed = [stage.submit() for _ in range(3)]
    stage.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    other.close()
    stage.process.wait(25.0)
    stage.process = stage.start()
    for request_id in passed:
        eventually(lambda name=request_id: stage.record(name)["state"], fits=lambda state: state == "finished")  # type: ignore[misc]
