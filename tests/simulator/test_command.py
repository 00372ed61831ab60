"""`upstream` as a process of its own."""

import argparse
import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from exporter.simulator.command import add_arguments, run

PROGRAM = """
import argparse, sys
from exporter.simulator.command import add_arguments, run
parser = argparse.ArgumentParser(prog="upstream")
add_arguments(parser)
sys.exit(run(parser.parse_args()))
"""


def start(*flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def greeting(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline() for _ in range(5)]


def url(lines: list[str]) -> str:
    match = re.search(r"http://127\.0\.0\.1:[0-9]+", lines[0])
    assert match is not None
    return match[0]


def get(address: str, key: str = "demo-key") -> object:
    request = urllib.request.Request(address, headers={"x-api-key": key})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_where_it_listens_and_with_which_key_and_stops_on_a_signal(number: signal.Signals) -> None:
    process = start("--web.listen-address=127.0.0.1:0")
    lines = greeting(process)
    assert lines[1] == "  account demo, x-api-key: demo-key, limit 25 calls in 5s\n"
    metrics = get(f"{url(lines)}/lead/update/metrics")
    assert metrics == {"PendingMessages": 0, "MaxDelayInSeconds": 0, "ProcessingRatePerMinute": 0.0}
    process.send_signal(number)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "", "")


def test_flags_reach_the_simulator_and_a_taken_port_is_one_line() -> None:
    process = start(
        "--web.listen-address=127.0.0.1:0",
        "--account=acme",
        "--key=k",
        "--accounts=3",
        "--rate=7/1m",
        "--daily=99",
        "--queue.rate=3",
        "--limit.retry-after",
        "--fault.cut=0.01",
    )
    try:
        lines = greeting(process)
        assert lines[1] == "  account acme … acme-3, x-api-key: k, limit 7 calls in 1m, 99 a day\n"
        options = get(f"{url(lines)}/simulator/options")
        assert isinstance(options, dict)
        assert (options["queue.rate"], options["limit.retry-after"], options["fault.cut"]) == (3.0, True, 0.01)
        assert get(f"{url(lines)}/opportunity/update/metrics", "k-3")
        second = start(f"--web.listen-address={url(lines).removeprefix('http://')}")
        output, errors = second.communicate(timeout=10)
        assert (second.returncode, output) == (1, "")
        taken = url(lines).removeprefix("http://")
        assert errors == f"can't listen on {taken}: the port is taken; stop what listens there, or choose another one\n"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def first_request_id(*flags: str) -> tuple[str, str]:
    """The seed that is told at the start, and the first RequestID."""
    process = start("--web.listen-address=127.0.0.1:0", *flags)
    try:
        lines = greeting(process)
        seed = re.fullmatch(r"  seed    ([0-9]+); --seed=\1 gives the same again\n", lines[4])
        assert seed is not None
        submission = urllib.request.Request(f"{url(lines)}/lead/update", b"[]", {"x-api-key": "demo-key"})
        with urllib.request.urlopen(submission, timeout=5) as answer:
            return seed[1], json.load(answer)["RequestID"]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_no_request_id_comes_again_after_a_restart() -> None:
    assert first_request_id()[1] != first_request_id()[1]


def test_the_seed_that_was_told_gives_the_same_request_ids_again() -> None:
    seed, request_id = first_request_id()

    assert first_request_id(f"--seed={seed}") == (seed, request_id)


def parse(*flags: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="upstream")
    add_arguments(parser)
    return parser.parse_args(flags)


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        (
            "--web.listen-address=nowhere",
            "--web.listen-address: must be host:port such as 127.0.0.1:8900, got nowhere",
        ),
        (
            "--web.listen-address=:99999",
            "--web.listen-address: must be host:port such as 127.0.0.1:8900, got :99999",
        ),
        ("--rate=25", "--rate: must be calls/period such as 25/5s, or none, got 25"),
        ("--rate=0/5s", "--rate: must be calls/period such as 25/5s, or none, got 0/5s"),
        ("--rate=5/0", "--rate: must be calls/period such as 25/5s, or none, got 5/0"),
        ("--rate=5/5x", "--rate: must be calls/period such as 25/5s, or none, got 5/5x"),
        ("--accounts=0", "--accounts: must be an integer from 1 to 10000, got 0"),
        ("--daily=some", "--daily: must be an integer from 1 to 1000000000, got some"),
        ("--fault.reset=2", "--fault.reset: must be a probability from 0 to 1, got 2"),
        ("--limit.retry-after=2", "--limit.retry-after: must be true or false, got 2"),
    ],
)
def test_a_wrong_flag_is_wrong_usage_and_says_what_is_allowed(
    flag: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(flag)
    assert stopped.value.code == 2
    assert f"error: argument {complaint}\n" in capsys.readouterr().err


def test_flags_that_do_not_go_together_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(parse("--fault.reset=0.6", "--fault.cut=0.6")) == 2
    assert capsys.readouterr().err.startswith("fault.*: the probabilities of all faults")


def test_an_empty_key_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(parse("--key=")) == 2
    assert capsys.readouterr().err == "an account of the simulator needs a name and a key\n"


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), (":80", ("127.0.0.1", 80)), ("[::1]:80", ("::1", 80))],
)
def test_an_address_is_read(text: str, address: tuple[str, int]) -> None:
    assert vars(parse(f"--web.listen-address={text}"))["web.listen_address"] == address


def test_a_rate_can_be_none() -> None:
    assert parse("--rate=none").rate == (None, 5.0)


def test_the_help_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse("--help")
    assert stopped.value.code == 0
    assert "--queue.between-retries" in capsys.readouterr().out
