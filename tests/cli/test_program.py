"""The whole program as a process: what it prints, and the status it ends with."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.process import PROGRAM, ROOT, environment, run

CONFIGURATION = """\
accounts:
  - name: acme
    base_url: http://127.0.0.1:{port}
    api_key_env: ACME_KEY
    rate_limit: {{plan: pro}}
sources:
  - {{type: push}}
storage: {{url: "memory://"}}
"""
VALID = "config.yaml is valid\nacme: at most 5,000 calls a day, 0.06 a second on average\n"
HEAVY = ("aiohttp", "yaml", "asyncio", "exporter.simulator", "exporter.app", "urllib.request")


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    (tmp_path / "config.yaml").write_text(CONFIGURATION.format(port=port))
    return tmp_path


def test_the_version_is_one_line() -> None:
    ended = run(["--version"], variables={"LEADSQUARED_EXPORTER_REVISION": "abc"})

    assert ended.returncode == 0
    assert ended.stdout.startswith("leadsquared-exporter, version 0.1.0 (revision abc, python 3.")
    assert ended.stderr == ""


def test_help_names_every_command_and_variable() -> None:
    ended = run(["--help"])

    assert ended.returncode == 0
    for name in ("demo", "upstream", "add", "healthcheck", "LEADSQUARED_EXPORTER_LOG_FORMAT"):
        assert f" {name} " in ended.stdout or f"[{name}]" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["forget"], "there is no command forget; there are demo, upstream, simulate, plan, probe, add, healthcheck"),
        (["--log.level=debug", "add"], "the command add has to come first, before any flag"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(arguments: list[str], told: str) -> None:
    ended = run(arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"leadsquared-exporter: error: {told}, try --help\n"


def test_a_command_without_work_to_do_imports_nothing_heavy() -> None:
    program = (
        f"import sys; from exporter import cli; cli.main_parser(); print([m for m in {HEAVY} if m in sys.modules])"
    )
    ended = subprocess.run([PROGRAM[0], "-c", program], env=environment(), capture_output=True, text=True, check=True)

    assert ended.stdout == "[]\n"


def test_add_does_not_import_a_web_framework() -> None:
    program = (
        "import sys, exporter.add, exporter.healthcheck; print('aiohttp' in sys.modules, 'asyncio' in sys.modules)"
    )
    ended = subprocess.run([PROGRAM[0], "-c", program], env=environment(), capture_output=True, text=True, check=True)

    assert ended.stdout == "False False\n"


def test_a_good_configuration_is_checked_with_status_0(configured: Path) -> None:
    ended = run(["--config.check"], folder=configured, variables={"ACME_KEY": "k"})

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, VALID, "")


def test_a_warning_of_the_check_is_printed_and_does_not_fail_it(configured: Path) -> None:
    path = configured / "config.yaml"
    path.write_text(path.read_text().replace("sources:\n  - {type: push}\n", ""))
    ended = run(["--config.check"], folder=configured, variables={"ACME_KEY": "k"})

    told = "warning: config.yaml:1:1: sources: has no source; without one nothing is watched\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, VALID, told)


def test_every_problem_of_every_file_is_printed(configured: Path) -> None:
    path = configured / "config.yaml"
    path.write_text(path.read_text() + "polling: {timeout: soon}\nnonsense: 1\n")
    (configured / "web.yaml").write_text("basic_auth_users: {joe: plain}\n")
    ended = run(["--config.check", "--web.config.file=web.yaml"], folder=configured, variables={"ACME_KEY": "k"})

    assert (ended.returncode, ended.stdout) == (1, "")
    problems = ended.stderr.splitlines()
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["config.yaml:9:20", "polling.timeout"],
        ["config.yaml:10:1", "nonsense"],
        ["web.yaml:1:25", "basic_auth_users.joe"],
    ]


def test_the_web_configuration_is_checked_too(configured: Path) -> None:
    (configured / "web.yaml").write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    ended = run(["--config.check", "--web.config.file=web.yaml"], folder=configured, variables={"ACME_KEY": "k"})

    assert (ended.returncode, ended.stdout) == (0, f"{VALID}web.yaml is valid\n")


@pytest.mark.parametrize("check", [[], ["--config.check"]])
def test_a_missing_configuration_is_status_1_and_one_line(check: list[str], tmp_path: Path) -> None:
    ended = run([*check, "--config.file=gone.yaml"], folder=tmp_path)

    told = "gone.yaml: there is no such file; --config.file names the configuration file\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", told)


def test_a_taken_port_is_status_1_and_one_line(configured: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run([f"--web.listen-address={address}"], folder=configured, variables={"ACME_KEY": "k"})

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"leadsquared-exporter: error: --web.listen-address: {address}: "
        "the port is taken; stop what listens there, or choose another one\n"
    )


def test_the_exporter_runs_takes_requests_from_add_and_ends_at_sigterm(configured: Path) -> None:
    variables = {"ACME_KEY": "k", "LEADSQUARED_EXPORTER_LOG_FORMAT": "json"}
    process = subprocess.Popen(
        [*PROGRAM, "--web.listen-address=127.0.0.1:0"],
        cwd=configured,
        env=environment(variables),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        started = next(line for line in map(json.loads, process.stderr) if line["msg"] == "started")
        at = f"--url={started['urls']}"
        first = run(["add", at, "--account=acme"], given="a\nb 2026-01-31T12:00:00Z\n")
        again = run(["add", at, "--account=acme", "a", "c"])
        refused = run(["add", at, "--account=nobody", "a"])
        health = run(["healthcheck", at])
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(timeout=10) == 0

    assert (first.returncode, first.stdout) == (0, "accepted 2, known 0\n")
    assert (again.returncode, again.stdout) == (0, "accepted 1, known 1\n")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "[0].account: must be" in refused.stderr
    assert (health.returncode, health.stdout) == (0, "healthy\n")
    assert "Traceback" not in rest


def test_the_command_of_the_package_is_this_program() -> None:
    assert 'leadsquared-exporter = "exporter.__main__:main"' in (ROOT / "pyproject.toml").read_text()
