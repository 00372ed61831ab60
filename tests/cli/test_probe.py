"""`probe` against the simulated LeadSquared: in virtual time, and as a process over a real connection."""

import asyncio
from pathlib import Path

import pytest

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, RateLimit
from exporter.leadsquared.probing import questions
from exporter.probe import Stopped, report
from exporter.simulator.door import Account as RemoteAccount
from exporter.simulator.door import Kind
from exporter.simulator.remote import Remote
from exporter.simulator.transport import MemoryTransport, Network, Wire
from exporter.simulator.virtual_time import VirtualLoop
from tests.cli.process import run
from tests.cli.server import Reply, serving

ACME = Account(name="acme", base_url="http://127.0.0.1", api_key=InlineSecret("k3y"), rate_limit=RateLimit(calls=4))
CONFIGURATION = """\
accounts:
  - {{name: acme, base_url: "{url}", api_key_env: KEY, rate_limit: {{calls: 1000000, daily: {daily}}}}}
  - {{name: globex, base_url: "{url}", api_key_env: OTHER, rate_limit: {{plan: pro}}}}
sources: [{{type: push}}]
"""


def probe(remote: Remote, *request_ids: str, account: Account = ACME) -> tuple[int | None, str]:
    """The status, None where it was stopped, and what was printed."""
    loop = VirtualLoop(start=0.0)
    told: list[str] = []

    async def main() -> int | None:
        transport = MemoryTransport(
            Wire(remote), clock=loop, sleep=asyncio.sleep, network=Network(latency=0.2, jitter=0.3)
        )
        asked = questions(account, request_ids)
        try:
            return await report(
                account, asked, transport=transport, timeout=10.0, sleep=asyncio.sleep, tell=told.append
            )
        except Stopped as error:
            told.append(str(error))
            return None

    try:
        return loop.run_until_complete(main()), "".join(told)
    finally:
        loop.close()


def simulated(calls: int = 2) -> tuple[Remote, str]:
    """A LeadSquared with one request in it."""
    remote = Remote(accounts=[RemoteAccount(name="acme", key="k3y", calls=calls)])
    return remote, remote.submit(account="acme", api="lead_capture", now=0.0).request_id


def test_every_known_path_is_asked_once_within_the_budget_and_told() -> None:
    remote, request_id = simulated()
    status, told = probe(remote, request_id)
    assert status == 0
    assert "17 calls to http://127.0.0.1, one after the other and never more than 2 in 5s" in told
    assert "status   /lead/status                               200: a status of lead_capture\n" in told
    assert "status   /lead/update/status                        404: not found" in told
    assert "metrics  /activity/createcustom/metrics             200: queue metrics\n" in told
    assert (
        "      lead_capture:\n        status_path: /lead/status\n        metrics_path: /lead/capture/metrics\n" in told
    )
    assert len(remote.log) == 17
    assert remote.busiest_in_log(5.0, (Kind.STATUS, Kind.METRICS, Kind.OTHER)) <= 2


def test_a_refused_key_stops_after_one_call() -> None:
    remote, request_id = simulated()
    remote.revoke("acme", 401)
    status, told = probe(remote, request_id)
    assert (status, len(remote.log)) == (None, 1)
    assert told.endswith(
        "No path is known to work.\n"
        "/lead/update/status: LeadSquared does not accept the key here: check the key and the account's region."
    )


def test_a_limit_that_others_have_used_up_stops_it_and_what_was_found_is_told() -> None:
    remote, request_id = simulated(calls=1)
    status, told = probe(remote, request_id)
    assert status is None
    assert "LeadSquared counts more calls than the account may make" in told
    assert "No path is known to work." in told


def configured(folder: Path, url: str, daily: str = "unlimited") -> Path:
    (folder / "config.yaml").write_text(CONFIGURATION.format(url=url, daily=daily))
    return folder


VARIABLES = {"KEY": "k3y", "OTHER": "0th3r"}


def test_the_command_asks_with_the_key_and_never_shows_it_nor_an_answer(tmp_path: Path) -> None:
    body = {"RequestID": "r-1", "TaskStatus": {"TaskType": "Lead Update", "RequestBody": "S3CRET"}}
    with serving(Reply(200, body)) as server:
        ended = run(
            ["probe", "--account=acme", "--request-id=r-1"],
            folder=configured(tmp_path, server.url),
            variables=VARIABLES,
        )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {asked.headers["x-api-key"] for asked in server.asked} == {"k3y"}
    assert server.asked[0].path == "/lead/update/status?RequestID=r-1"
    assert "      lead_update:\n        status_path: /lead/update/status\n        metrics_path: null" in ended.stdout
    assert "k3y" not in ended.stdout
    assert "S3CRET" not in ended.stdout


def test_where_no_path_works_the_status_is_1(tmp_path: Path) -> None:
    with serving(Reply(404, {})) as server:
        ended = run(["probe", "--account=acme"], folder=configured(tmp_path, server.url), variables=VARIABLES)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.endswith("\nNo path is known to work.\n")
    assert len(server.asked) == 17


def test_it_asks_no_more_than_the_day_allows(tmp_path: Path) -> None:
    with serving(Reply(404, {})) as server:
        run(["probe", "--account=acme"], folder=configured(tmp_path, server.url, daily="6"), variables=VARIABLES)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--account is needed: one of acme, globex"),
        (["--account=acne"], "--account must be one of acme, globex, got acne"),
        (["--request-id=a b"], "argument --request-id: must be 1 to 128 characters of A-Z a-z 0-9 . _ -, got a b"),
    ],
)
def test_wrong_usage_is_told_in_one_line(flags: list[str], message: str, tmp_path: Path) -> None:
    ended = run(["probe", *flags], folder=configured(tmp_path, "http://127.0.0.1:9"), variables=VARIABLES)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"leadsquared-exporter probe: error: {message}, try --help\n"


def test_a_host_that_is_not_there_ends_it(tmp_path: Path) -> None:
    folder = configured(tmp_path, "http://127.0.0.1:9")
    ended = run(["probe", "--account=acme"], folder=folder, variables=VARIABLES)
    assert ended.returncode == 1
    assert ended.stderr.startswith("leadsquared-exporter: error: /lead/update/status: no connection: ")
