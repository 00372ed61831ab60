"""One workload with one seed: the same trace for every policy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from random import Random

from benchmarks.polling.durations import Errors, errors
from benchmarks.polling.targets import LIGHT
from exporter.simulate.report import report
from exporter.simulate.run import Conditions, Outcome, default_horizon
from exporter.simulate.setup import Setup, oracle, simulate
from exporter.simulate.trace import Trace
from exporter.simulate.workloads import WORKLOADS

CALLS, PERIOD = 25, 5.0
RIVALS = ("round_robin", "fixed:15s", "age")
POLICIES = ("learned", *RIVALS, "oracle")


@dataclass(frozen=True, slots=True)
class Measured:
    """Delays in seconds; `picking` is microseconds of the whole loop for each poll."""

    mean: float
    p99: float
    polls: float
    picking: float
    busiest: int
    staleness: float


@dataclass(frozen=True, slots=True)
class Case:
    """`lasted` holds the true durations in seconds; `knows` tells what the oracle knew; `learned` is measured at
    effort `high`, at light load at `normal`, and `efforts` are the others there."""

    workload: str
    seed: int
    measured: dict[str, Measured]
    knows: str
    learned: Errors
    middle: Errors
    lasted: list[float]
    efforts: dict[str, Measured]


@dataclass(frozen=True, slots=True)
class Network:
    """Seconds that an answer takes, and the mean of the random time on top."""

    latency: float = 0.0
    jitter: float = 0.0


def cases(workloads: Sequence[str], seeds: Sequence[int], processes: int, network: Network) -> Iterator[Case]:
    """As they come, on so many processes."""
    jobs = [(workload, seed, network) for workload in workloads for seed in seeds]
    with get_context("spawn").Pool(processes, maxtasksperchild=8) as pool:
        yield from pool.imap(_case, jobs, chunksize=1)


def setup(policy: str, trace: Trace, network: Network, *, seed: int, effort: str = "high") -> Setup:
    conditions = Conditions(horizon=default_horizon(trace), latency=network.latency, jitter=network.jitter)
    return Setup(policy=policy, calls=CALLS, period=PERIOD, conditions=conditions, seed=seed, effort=effort)


def measure(trace: Trace, outcome: Outcome) -> Measured:
    found = report("", trace, outcome, horizon=default_horizon(trace), period=PERIOD)
    return Measured(
        mean=found.delay_mean or 0.0,
        p99=found.delay_p99 or 0.0,
        polls=found.polls_per_finished or 0.0,
        picking=1e6 * outcome.cpu_seconds / max(1, found.polls),
        busiest=found.busiest_window,
        staleness=found.max_staleness,
    )


def _case(job: tuple[str, int, Network]) -> Case:
    workload, seed, network = job
    trace = WORKLOADS[workload].generate(Random(seed))
    light = workload in LIGHT.workloads
    # The rivals spend all that the budget allows: at light load alone it is compared how few polls are enough.
    effort = "normal" if light else "high"
    learned = simulate(trace, setup("learned", trace, network, seed=seed, effort=effort))
    knows, known = oracle(trace, setup("oracle", trace, network, seed=seed))
    measured = {name: measure(trace, simulate(trace, setup(name, trace, network, seed=seed))) for name in RIVALS}
    measured |= {"learned": measure(trace, learned), "oracle": measure(trace, known)}
    placed, middle = errors(trace, learned)
    lasted = [one.finished - one.submitted for one in trace if one.finished is not None]
    efforts = {other: _effort(trace, network, seed, other) for other in ("low", "high") if light}
    return Case(workload, seed, measured, knows, placed, middle, lasted, efforts)


def _effort(trace: Trace, network: Network, seed: int, effort: str) -> Measured:
    return measure(trace, simulate(trace, setup("learned", trace, network, seed=seed, effort=effort)))
