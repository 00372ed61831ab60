"""How far the durations that the exporter tells are from the true ones, as distributions."""

from bisect import bisect_right
from dataclasses import dataclass

from exporter.simulate.report import quantile
from exporter.simulate.run import Outcome
from exporter.simulate.trace import Trace


@dataclass(frozen=True, slots=True)
class Errors:
    """`distance` is Kolmogorov's: the largest difference between the two distribution functions; the others are the
    relative errors of the quantiles."""

    distance: float
    p50: float
    p90: float
    p99: float


def errors(trace: Trace, outcome: Outcome) -> tuple[Errors, Errors]:
    """Of where the policy places the finishes, and of the middles of the detection windows."""
    true, placed, middle = [], [], []
    for request, detected, seen, place in zip(trace, outcome.detected, outcome.seen, outcome.placed, strict=True):
        if place == place and request.finished is not None:
            lower = request.submitted if seen != seen else max(seen, request.submitted)
            true.append(request.finished - request.submitted)
            placed.append(place - request.submitted)
            middle.append((lower + detected) / 2 - request.submitted)
    return _compare(sorted(placed), sorted(true)), _compare(sorted(middle), sorted(true))


def _compare(told: list[float], true: list[float]) -> Errors:
    if not true:
        return Errors(0.0, 0.0, 0.0, 0.0)
    off = [(quantile(told, level) or 0.0) / max(1e-9, quantile(true, level) or 0.0) - 1 for level in (0.5, 0.9, 0.99)]
    return Errors(_distance(told, true), *off)


def _distance(told: list[float], true: list[float]) -> float:
    # The difference is largest at a value of either; both samples have the same size.
    return max(abs(bisect_right(told, x) - bisect_right(true, x)) for x in (*told, *true)) / len(true)
