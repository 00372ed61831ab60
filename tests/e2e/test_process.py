"""The real process against the simulator as a server, a real Prometheus, promtool, and kill -9."""

import json
import random
import resource
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.processes import eventually, fetch, fetch_json, free_port, running
from tests.e2e.stage import Stage


def test_a_real_prometheus_scrapes_what_the_simulator_knows(stage: Stage) -> None:
    stage.start_upstream()
    exporter = stage.start_exporter()
    assert stage.push(stage.submit(20)) == {"accepted": 20, "known": 0}
    (stage.folder / "ids" / "more.txt").write_text("\n".join(stage.submit(5)) + "\n")
    prometheus = f"127.0.0.1:{free_port()}"
    scrape = {"job_name": "leadsquared", "static_configs": [{"targets": [stage.url.removeprefix("http://")]}]}
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
    (stage.folder / "prometheus.yml").write_text(json.dumps(config))
    command = ("prometheus", f"--config.file={stage.folder}/prometheus.yml", f"--storage.tsdb.path={stage.folder}/data")
    stage.stack.enter_context(
        running(*command, f"--web.listen-address={prometheus}", told=stage.folder / "prometheus.log")
    )
    query = "sum%20by%20(status)%20(leadsquared_requests_finished_total)"

    def answer() -> dict[str, int]:
        result = fetch_json(f"http://{prometheus}/api/v1/query?query={query}")["data"]["result"]
        return {one["metric"]["status"]: int(one["value"][1]) for one in result if int(one["value"][1])}

    assert eventually(answer, fits=lambda found: sum(found.values()) == 25) == stage.truth()
    checked = subprocess.run(["promtool", "check", "metrics"], input=fetch(f"{stage.url}/metrics"), capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
    exporter.send_signal(signal.SIGTERM)
    assert exporter.wait(10.0) == 0


def test_kill_9_at_random_loses_nothing_counts_nothing_twice_and_breaks_no_window(stage: Stage) -> None:
    stage.start_upstream()
    chance = random.Random(20)
    accepted: list[str] = []
    for _ in range(20):
        exporter = stage.start_exporter()
        deadline = time.monotonic() + chance.uniform(0.0, 2.0)
        while True:
            fresh = stage.submit(chance.randrange(1, 5))
            stage.push(fresh)
            accepted += fresh
            time.sleep(0.02)
            if time.monotonic() > deadline:
                break
        time.sleep(chance.uniform(0.0, 0.05))
        exporter.kill()
        exporter.wait()
    stage.start_exporter()
    finished = eventually(
        lambda: stage.total("leadsquared_requests_finished_total"),
        fits=lambda count: count >= len(accepted),
        seconds=90.0,
    )
    assert finished == len(accepted) == len(set(accepted))
    assert stage.total("leadsquared_requests_discovered_total") == len(accepted)
    assert stage.total("leadsquared_requests_abandoned_total") == 0
    for status, count in stage.truth().items():
        series = [
            value
            for name, value in stage.metrics().items()
            if "requests_finished_total" in name and f'status="{status}"' in name
        ]
        assert sum(series) == count
    assert stage.busiest() <= 50


def test_a_reload_takes_a_new_limit_and_a_bad_file_changes_nothing(stage: Stage) -> None:
    stage.start_upstream()
    exporter = stage.start_exporter()
    path = stage.folder / "config.yaml"
    good = path.read_text()
    path.write_text(good.replace("calls: 100", "calls: -3"))
    exporter.send_signal(signal.SIGHUP)
    reloaded = "leadsquared_exporter_config_last_reload_successful"
    eventually(lambda: stage.metrics()[reloaded], fits=lambda value: value == 0)
    assert stage.metrics()['leadsquared_rate_limit_calls{account="acme",window="burst"}'] == 50
    path.write_text(good.replace("calls: 100", "calls: 8"))
    exporter.send_signal(signal.SIGHUP)
    eventually(lambda: stage.metrics()[reloaded], fits=lambda value: value == 1)
    assert stage.metrics()['leadsquared_rate_limit_calls{account="acme",window="burst"}'] == 4


def test_too_many_connections_make_nobody_ill_for_good(stage: Stage) -> None:
    stage.start_upstream()
    exporter = stage.start_exporter()
    open_files = len(list(Path(f"/proc/{exporter.pid}/fd").iterdir()))
    _, most = resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (open_files + 8, most))
    with ExitStack() as crowd:
        for _ in range(40):
            crowd.enter_context(socket.create_connection(("127.0.0.1", stage.port), timeout=0.1))
        log = stage.folder / "exporter.log"
        # Those that there is no descriptor for wait, or others make room for them.
        eventually(lambda: "connections can't be accepted" in log.read_text(), fits=bool)
        assert fetch(f"{stage.url}/-/healthy") == b"healthy\n"
    resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (most, most))
    assert eventually(lambda: fetch(f"{stage.url}/-/healthy"), fits=bool) == b"healthy\n"


def test_a_removed_account_leaves_the_counters_that_go_on_and_nothing_else(stage: Stage) -> None:
    stage.start_upstream()
    exporter = stage.start_exporter()
    path = stage.folder / "config.yaml"
    stage.push(stage.submit(3))
    eventually(lambda: stage.total("leadsquared_requests_finished_total"), fits=lambda count: count == 3)
    gauges = ("leadsquared_requests_pending", "leadsquared_requests_stuck", "leadsquared_requests_oldest")
    before = {
        series: value
        for series, value in stage.metrics().items()
        if 'account="acme"' in series and series.startswith("leadsquared_request") and not series.startswith(gauges)
    }
    other = path.read_text().replace("name: acme", "name: other").replace("account: acme", "account: other")
    path.write_text(other + "metrics: {max_reasons: 5}\n")
    exporter.send_signal(signal.SIGHUP)
    eventually(
        lambda: {series: value for series, value in stage.metrics().items() if 'account="acme"' in series},
        fits=lambda left: left == before,
    )
    told = (stage.folder / "exporter.log").read_text()
    assert 'msg="this change takes effect after a restart" setting=metrics.max_reasons' in told


def test_nothing_private_is_in_any_output(stage: Stage) -> None:
    canary = b"canary.person@example.com"
    stage.start_upstream("--queue.failure=0.5")
    stage.start_exporter()
    headers = {"x-api-key": "stage-key", "Content-Type": "application/json"}
    ids = []
    for _ in range(10):
        body = json.dumps([{"Attribute": "EmailAddress", "Value": canary.decode()}]).encode()
        ids.append(json.loads(fetch(f"{stage.upstream}/lead/update", data=body, headers=headers))["RequestID"])
    stage.push(ids)
    eventually(lambda: stage.total("leadsquared_requests_finished_total"), fits=lambda count: count == 10)
    pages = [
        "/metrics",
        "/",
        "/requests",
        f"/requests/{ids[0]}",
        "/accounts/acme",
        "/api/v1/requests",
        f"/api/v1/requests/{ids[0]}",
    ]
    outputs = [fetch(stage.url + page) for page in pages]
    outputs += [(stage.folder / "exporter.log").read_bytes()]
    outputs += [path.read_bytes() for path in stage.folder.glob("state.db*")]
    assert [output for output in outputs if canary in output or b"stage-key" in output] == []
    status = fetch(f"{stage.upstream}/lead/update/status?RequestID={ids[0]}", headers={"x-api-key": "stage-key"})
    assert canary in status
