"""The policies by name, as `--policy` takes them."""

from random import Random
from typing import Final

from exporter.config import duration
from exporter.core.learned.policy import Learned
from exporter.core.learned.promise import EFFORTS
from exporter.core.schedule import Age, Fixed, Policy, RoundRobin

ORACLE: Final = "oracle"
FIXED: Final = "fixed:"
NAMES: Final = ("learned", "age", "round_robin")
EFFORT_NAMES: Final = tuple(EFFORTS)


def mistake(name: str) -> str | None:
    """What is allowed instead of `name`; None where it fits."""
    if name in (*NAMES, ORACLE):
        return None
    try:
        if name.startswith(FIXED) and duration.parse(name.removeprefix(FIXED)) > 0:
            return None
    except ValueError:
        pass
    return f"must be one of {', '.join(NAMES)}, {ORACLE} or {FIXED}INTERVAL such as {FIXED}15s"


def new_policy(
    name: str, *, rate: float, burst: int, now: float, effort: str, max_staleness: float, random: Random
) -> Policy:
    """Any but the oracle, for a budget of `rate` calls/s, `burst` of them at once."""
    if name == "round_robin":
        return RoundRobin(now)
    if name == "age":
        return Age(now, max_staleness=max_staleness)
    if name.startswith(FIXED):
        return Fixed(now, duration.parse(name.removeprefix(FIXED)))
    return Learned(rate=rate, burst=burst, effort=effort, max_staleness=max_staleness, random=random, now=now)
