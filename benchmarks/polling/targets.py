"""What is to be reached on each workload, as data."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """Mean detection delays of `learned`: at most `oracle` times that of the policy that knows the workload, at most
    `turn` times round robin's, at most `fixed` times that of polling each request every 15 s; p99 at most `tail` times
    round robin's. None: no target."""

    title: str
    workloads: tuple[str, ...]
    oracle: float | None = None
    turn: float | None = None
    fixed: float | None = None
    tail: float | None = 1.5


FAMILIES = (
    Family("independent, smooth", ("a", "b", "f", "gamma", "weibull", "bursty", "stuck"), oracle=1.10, turn=1.05),
    Family("narrow, bimodal, retries", ("b2", "d", "bimodal"), oracle=1.25, turn=0.5, fixed=0.5),
    Family("nearly fixed", ("fixed",), oracle=1.4),
    Family("FIFO backlog", ("c", "backlog", "f2", "outages"), turn=0.1),
    Family("noisy order, parallel workers", ("c2", "parallel"), turn=0.25),
    Family("FIFO without a backlog", ("fifo",), turn=1.05),
    Family("in batches by the clock", ("cron",), turn=1.05),
    Family(
        "LIFO, priorities, restart, overload",
        ("lifo", "lifo_steady", "priorities", "random", "restart", "restart_null", "restart_undated", "e"),
        turn=1.05,
    ),
    Family("light load", ("light", "light_short", "light_narrow", "light_wide", "light_slow"), tail=None),
)
LIGHT = FAMILIES[-1]
MOST_OF_FEWEST = 1.25
FAMILY: Mapping[str, Family] = {name: family for family in FAMILIES for name in family.workloads}
