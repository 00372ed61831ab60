"""All workloads against the targets: `python -m benchmarks.polling [NAME …] [--seeds 5] [--quick] [--write]`.

`--write` puts the tables into docs/benchmarks.md and the pictures into docs/pictures.
"""

import argparse
import sys
import time
from collections.abc import Iterable

from benchmarks.polling import document, table
from benchmarks.polling.measure import Case, Network, cases
from benchmarks.polling.scale import scale
from benchmarks.polling.table import Row, row
from benchmarks.polling.targets import FAMILIES, FAMILY

SEEDS = 5
REQUESTS = 1_000_000


def main() -> int:
    arguments = _arguments()
    workloads = arguments.workloads or list(FAMILY)
    began = time.monotonic()
    network = Network(arguments.latency, arguments.jitter)
    rows = _measure(cases(workloads, range(1, arguments.seeds + 1), arguments.processes, network), arguments.seeds)
    tables = document.Tables(rows=rows, scales=_scales(quick=arguments.quick or bool(arguments.workloads)))
    print(f"\n{tables.text()}\n{time.monotonic() - began:.0f} s")
    if arguments.write:
        document.write(tables, seeds=arguments.seeds)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[[], *FAMILY], metavar="NAME", help=f"of {', '.join(FAMILY)}")
    parser.add_argument("--seeds", type=int, default=None, help=f"seeds 1 to N (default {SEEDS}; 1 with --quick)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from a call to its answer")
    parser.add_argument("--jitter", type=float, default=0.0, help="mean of the random time on top")
    parser.add_argument("--quick", action="store_true", help="one seed, and nothing at a million requests")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md and docs/pictures")
    found = parser.parse_args()
    found.seeds = found.seeds or (1 if found.quick else SEEDS)
    return found


def _measure(measured: Iterable[Case], seeds: int) -> list[Row]:
    """Prints a line for each workload as it is done."""
    rows: list[Row] = []
    found: list[Case] = []
    for case in measured:
        found.append(case)
        if len(found) == seeds:
            rows.append(row(found))
            found = []
            _tell(rows[-1])
    order = [name for family in FAMILIES for name in family.workloads]
    return sorted(rows, key=lambda one: order.index(one.workload))


def _tell(one: Row) -> None:
    missed = "; ".join(one.missed()) or "ok"
    means = " ".join(f"{name} {table.seconds(mean)}" for name, mean in one.mean.items())
    sys.stdout.write(f"{one.workload:16} {means} [{one.knows}] {missed}\n")
    sys.stdout.flush()


def _scales(*, quick: bool) -> list[tuple[str, float, float]]:
    if quick:
        return []
    return [
        (kind, *scale(REQUESTS, ordered=ordered)) for kind, ordered in (("order known", True), ("order unknown", False))
    ]


if __name__ == "__main__":
    sys.exit(main())
