"""`leadsquared-exporter simulate` as it is typed."""

import json
from pathlib import Path

import pytest

from tests.cli.process import run

KEYS = [
    "policy",
    "requests",
    "finished",
    "detected",
    "delay_mean",
    "delay_p50",
    "delay_p90",
    "delay_p99",
    "polls",
    "polls_per_finished",
    "max_staleness",
    "busiest_window",
    "cpu_seconds",
]
LINES = (
    '{"submitted": 0.0, "started": 3.2, "finished": 5.0, "status": "success", "retries": []}\n'
    '{"submitted": 1.0, "finished": 46.0, "status": "success", "retries": [[5.0, 35.0]], "order": null}\n'
    '{"submitted": 2.0, "finished": null, "known_at": 4.0}\n'
)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.jsonl"
    path.write_text(LINES)
    return path


@pytest.mark.parametrize("policy", ["learned", "age", "round_robin", "fixed:15s", "oracle"])
def test_the_report_is_one_json_object(trace: Path, policy: str) -> None:
    done = run(["simulate", "--trace", str(trace), "--rate", "25/5s", "--policy", policy, "--json"])

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert list(found) == KEYS
    assert found["policy"] == policy
    assert (found["requests"], found["finished"], found["detected"]) == (3, 2, 2)
    assert found["busiest_window"] <= 25


def test_every_call_is_written_to_a_file(trace: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls.txt"

    done = run(["simulate", "--trace", str(trace), "--policy=fixed:15s", "--horizon=50s", "--json", f"--calls={calls}"])

    times = [float(line) for line in calls.read_text().splitlines()]
    assert times == pytest.approx([15.0, 16.0, 17.0, 31.0, 32.0, 46.0, 47.0], abs=0.05)
    assert json.loads(done.stdout)["polls"] == len(times)


def test_people_get_some_lines() -> None:
    done = run(["simulate", "--trace=-", "--policy=fixed:15s", "--horizon=50.0"], given=LINES)

    assert done.stdout.splitlines()[:5] == [
        "policy           fixed:15s",
        "requests         3, 2 finished, 2 of them detected",
        "detection delay  mean 5 s, p50 5 s, p90 9 s, p99 9.9 s",
        "polls            7, 3.50 for each finished request",
        "budget           5 calls/s, busiest window 3 calls",
    ]


def test_a_generated_workload_can_be_kept_as_a_trace(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    first = run(["simulate", "--workload=light", "--policy=age", "--json", f"--save-trace={kept}", "--seed=3"])
    second = run(["simulate", "--trace", str(kept), "--policy=age", "--json"])

    reports = [json.loads(done.stdout) | {"cpu_seconds": 0} for done in (first, second)]
    assert reports[0] == reports[1]
    assert reports[0]["requests"] == 1500


def test_a_broken_trace_is_told_by_its_line(trace: Path) -> None:
    trace.write_text(LINES + '{"submitted": 4.0, "finished": 3.5}\n')

    done = run(["simulate", "--trace", str(trace)])

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{trace}:4: finished: must not be before submitted 4.0, got 3.5\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "one of --trace and --workload is needed"),
        (["--trace=x", "--workload=a"], "one of --trace and --workload is needed"),
        (["--trace=x", "--rate=25"], "argument --rate: must be a number in a period such as 25/5s, got 25"),
        (
            ["--trace=x", "--latency=-1"],
            "argument --latency: must be a duration such as 200ms or 1h30m, or a number of seconds, got -1",
        ),
        (
            ["--trace=x", "--policy=fixed:0s"],
            "argument --policy: must be one of learned, age, round_robin, oracle or fixed:INTERVAL such as fixed:15s, "
            "got fixed:0s",
        ),
        (["--trace=x", "--daily=0"], "argument --daily: must be an integer >= 1, got 0"),
        (["--trace=x", "--seed=-1"], "argument --seed: must be an integer >= 0, got -1"),
    ],
)
def test_wrong_usage_is_told_in_one_line(flags: list[str], message: str) -> None:
    done = run(["simulate", *flags])

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"leadsquared-exporter simulate: error: {message}, try --help\n"


def test_a_file_that_cannot_be_written_is_told(trace: Path, tmp_path: Path) -> None:
    done = run(["simulate", "--trace", str(trace), f"--calls={tmp_path}"])

    assert done.returncode == 1
    assert done.stderr == f"leadsquared-exporter: error: {tmp_path}: can't be written: Is a directory\n"
