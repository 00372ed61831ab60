"""`leadsquared-exporter simulate`: one policy against one workload."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Final

from exporter.errors import StartupError
from exporter.flags import Flag, Parser, UsageError
from exporter.simulate import policies, trace
from exporter.simulate.flags import check_count, check_duration, check_rate, check_whole, rate, seconds
from exporter.simulate.report import report, text
from exporter.simulate.run import Conditions, default_horizon, other_calls
from exporter.simulate.setup import Setup, simulate
from exporter.simulate.trace import Trace
from exporter.simulate.workloads import WORKLOADS

FLAGS: Final = (
    Flag(
        name="trace", metavar="FILE", help="the workload: one JSON object a line, one request each; - is standard input"
    ),
    Flag(name="workload", metavar="NAME", choices=tuple(WORKLOADS), help="a generated workload instead of a trace"),
    Flag(
        name="rate",
        metavar="CALLS/PERIOD",
        default="25/5s",
        check=check_rate,
        help="the calls that the exporter may make",
    ),
    Flag(name="daily", metavar="CALLS", check=check_count, help="and in 24 h (default no limit)"),
    Flag(
        name="policy",
        metavar="POLICY",
        default="learned",
        check=policies.mistake,
        help="learned, age, round_robin, fixed:INTERVAL, or oracle, which knows the workload",
    ),
    Flag(
        name="effort",
        metavar="EFFORT",
        default="normal",
        choices=policies.EFFORT_NAMES,
        help="how soon the learned policy is to notice a finish, as polling.effort: low, normal or high",
    ),
    Flag(name="json", help="print one JSON object"),
    Flag(name="calls", metavar="FILE", help="write the time of every call to a file, one a line"),
    Flag(
        name="horizon",
        metavar="DURATION",
        check=check_duration,
        help="when the run ends, after the beginning of the trace's clock (default one hour after the last submission)",
    ),
    Flag(
        name="latency",
        metavar="DURATION",
        default="0s",
        check=check_duration,
        help="from the sending of a call to its answer",
    ),
    Flag(
        name="jitter",
        metavar="DURATION",
        default="0s",
        check=check_duration,
        help="mean of the random time on top of it (exponential)",
    ),
    Flag(
        name="others",
        metavar="CALLS/PERIOD",
        check=check_rate,
        help="other clients' calls on the same budget, on average; they never wait",
    ),
    Flag(
        name="max-staleness",
        metavar="DURATION",
        default="30m",
        check=check_duration,
        help="as polling.max_staleness in the configuration",
    ),
    Flag(
        name="error-grace",
        metavar="DURATION",
        default="10h",
        check=check_duration,
        help="as polling.error_grace in the configuration",
    ),
    Flag(name="seed", metavar="N", default="1", check=check_whole, help="the same seed gives the same run"),
    Flag(name="save-trace", metavar="FILE", help="write the workload to a file as a trace"),
)


def add_arguments(parser: Parser) -> None:
    parser.declare(FLAGS)


def run(arguments: argparse.Namespace) -> int:
    """Prints the report. Raises ExporterError."""
    workload = _workload(arguments)
    if arguments.save_trace:
        _write(arguments.save_trace, (request.line() for request in workload))
    setup = _setup(arguments, workload)
    outcome = simulate(workload, setup)
    if arguments.calls:
        _write(arguments.calls, (f"{call:.6f}" for call in outcome.calls))
    found = report(setup.policy, workload, outcome, horizon=setup.conditions.horizon, period=setup.period)
    sys.stdout.write(json.dumps(found.fields()) + "\n" if arguments.json else text(found, rate=setup.budget().rate))
    return 0


def _workload(arguments: argparse.Namespace) -> Trace:
    if (arguments.trace is None) == (arguments.workload is None):
        raise UsageError("one of --trace and --workload is needed")
    if arguments.trace is not None:
        return trace.load(arguments.trace)
    return WORKLOADS[arguments.workload].generate(Random(int(arguments.seed)))  # noqa: S311


def _setup(arguments: argparse.Namespace, workload: Trace) -> Setup:
    calls, period = rate(arguments.rate)
    horizon = default_horizon(workload) if arguments.horizon is None else seconds(arguments.horizon)
    return Setup(
        policy=arguments.policy,
        calls=calls,
        period=period,
        daily=int(arguments.daily) if arguments.daily else None,
        effort=arguments.effort,
        max_staleness=seconds(arguments.max_staleness),
        seed=int(arguments.seed),
        conditions=Conditions(
            horizon=horizon,
            latency=seconds(arguments.latency),
            jitter=seconds(arguments.jitter),
            others=_others(arguments, workload, horizon),
            error_grace=seconds(arguments.error_grace),
        ),
    )


def _others(arguments: argparse.Namespace, workload: Trace, horizon: float) -> tuple[float, ...]:
    if arguments.others is None:
        return ()
    calls, period = rate(arguments.others)
    random = Random(f"others {arguments.seed}")  # noqa: S311
    start = min(request.submitted for request in workload)
    return tuple(other_calls(calls / period, start=start, end=horizon, random=random))


def _write(path: str, lines: Iterable[str]) -> None:
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise StartupError(f"{path}: can't be written: {error.strerror}") from error
