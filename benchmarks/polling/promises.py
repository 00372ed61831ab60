"""Whether each effort keeps its promise: `python -m benchmarks.polling.promises [--drawn 50] [--first 1] [--families] [--write]`.

Of workloads drawn at random, by seed, and with `--families` of those of the benchmark. `--write` puts the tables into
docs/benchmarks.md.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from random import Random

from benchmarks.polling import document, table
from benchmarks.polling.drawn import Drawn, draw
from benchmarks.polling.measure import CALLS, PERIOD
from benchmarks.polling.targets import FAMILY
from exporter.core.learned.promise import EFFORTS
from exporter.simulate.report import delays
from exporter.simulate.run import Conditions, default_horizon
from exporter.simulate.setup import Setup, simulate
from exporter.simulate.workloads import WORKLOADS

# Where `high` is later than is promised, the other efforts are at most by this factor later than `high`.
MOST_OF_HIGH = 1.25
DRAWN = 50
SAVING = ("normal", "low")


@dataclass(frozen=True, slots=True)
class Kept:
    """What each effort reached on a workload whose requests last `lasting` seconds on average: mean seconds from a finish to its
    detection, and polls for each finish."""

    name: str
    summary: str
    lasting: float
    delays: dict[str, float]
    polls: dict[str, float]

    def allowed(self, effort: str) -> float:
        """Mean seconds that a finish may be noticed late."""
        promised = max(EFFORTS[effort].part * self.lasting, EFFORTS[effort].least)
        return max(promised, MOST_OF_HIGH * self.delays["high"])

    def broken(self) -> list[str]:
        """The efforts whose promise is not kept."""
        return [effort for effort in SAVING if self.delays[effort] > self.allowed(effort)]


def kept(name: str, drawn: Drawn, *, seed: int) -> Kept:
    reached = {effort: _reached(drawn, effort, seed) for effort in EFFORTS}
    return Kept(
        name,
        drawn.summary,
        drawn.lasting,
        {effort: late for effort, (late, _) in reached.items()},
        {effort: polls for effort, (_, polls) in reached.items()},
    )


def by_seed(seed: int) -> Kept:
    return kept(str(seed), draw(seed), seed=seed)


def by_name(name: str) -> Kept:
    trace = WORKLOADS[name].generate(Random(1))
    return kept(f"`{name}`", Drawn(WORKLOADS[name].summary, trace, CALLS, PERIOD, default_horizon(trace)), seed=1)


def _reached(drawn: Drawn, effort: str, seed: int) -> tuple[float, float]:
    conditions = Conditions(horizon=drawn.horizon)
    setup = Setup(
        policy="learned", calls=drawn.calls, period=drawn.period, conditions=conditions, seed=seed, effort=effort
    )
    outcome = simulate(drawn.trace, setup)
    late = delays(drawn.trace, outcome, horizon=drawn.horizon)
    return statistics.fmean(late), len(outcome.calls) / len(late)


def text(found: Sequence[Kept]) -> str:
    head = ("", "workload", "requests last", *(f"{effort}: mean delay / allowed, polls" for effort in SAVING), "high")
    lines = [
        (
            one.name,
            one.summary,
            table.seconds(one.lasting),
            *(_cell(one, effort) for effort in SAVING),
            f"{table.seconds(one.delays['high'])}, {one.polls['high']:.1f}",
        )
        for one in found
    ]
    promises = len(SAVING) * len(found)
    broken = sum(len(one.broken()) for one in found)
    return f"{promises - broken} of {promises} promises are kept.\n\n{table.markdown(head, lines)}"


def _cell(one: Kept, effort: str) -> str:
    late = f"{table.seconds(one.delays[effort])} / {table.seconds(one.allowed(effort))}"
    return f"{f'**{late}**' if effort in one.broken() else late}, {one.polls[effort]:.1f}"


def _measured(measure: Callable[..., Kept], what: Iterable[object], processes: int) -> Iterator[Kept]:
    """Prints a line for each workload as it is done."""
    with get_context("spawn").Pool(processes, maxtasksperchild=8) as pool:
        for one in pool.imap(measure, what, chunksize=1):
            cells = ", ".join(f"{effort} {_cell(one, effort)}" for effort in SAVING)
            high = f"high {table.seconds(one.delays['high'])}, {one.polls['high']:.1f}"
            sys.stdout.write(f"{one.name:16} last {table.seconds(one.lasting)}; {cells}; {high}; {one.summary}\n")
            sys.stdout.flush()
            yield one


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", type=int, default=DRAWN, help="how many are drawn at random")
    parser.add_argument("--first", type=int, default=1, help="the seed of the first of them")
    parser.add_argument("--families", action="store_true", help="the workloads of the benchmark, too")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.drawn)
    drawn = list(_measured(by_seed, seeds, arguments.processes))
    families = list(_measured(by_name, FAMILY, arguments.processes)) if arguments.families else []
    tables = "\n".join(f"#### {title}\n\n{text(found)}" for title, found in _titled(drawn, families))
    sys.stdout.write(f"\n{tables}")
    if arguments.write:
        document.replace("bench-promises", tables)
    return 1 if any(one.broken() for one in (*drawn, *families)) else 0


def _titled(drawn: Sequence[Kept], families: Sequence[Kept]) -> Iterator[tuple[str, Sequence[Kept]]]:
    if drawn:
        yield "Drawn at random", drawn
    if families:
        yield "The workloads above", families


if __name__ == "__main__":
    sys.exit(main())
