"""Which oracles a trace gives reason to try. The one that does best is the oracle: it knows which kind of workload it has."""

from collections.abc import Iterator
from functools import partial
from math import ceil
from typing import Protocol

from exporter.core.schedule import Policy
from exporter.simulate.oracle.durations import ByDuration
from exporter.simulate.oracle.order import InOrder
from exporter.simulate.trace import Trace

# Requests that wait for a smaller part of their time than this are taken not to queue.
_QUEUES = 0.05


class NewPolicy(Protocol):
    def __call__(self, *, rate: float, burst: int, now: float) -> Policy: ...


def candidates(trace: Trace, horizon: float) -> Iterator[tuple[str, NewPolicy]]:
    """By what they know."""
    yield "durations", partial(ByDuration, trace, horizon=horizon)
    for width in sorted(_widths(trace)):
        yield f"order, {width} at a time", partial(InOrder, trace, width=width)


def _widths(trace: Trace) -> set[int]:
    """How many to look at by turns: one, and as many as were worked on at a time; none where they do not queue."""
    times = [(one.submitted, one.started, one.finished) for one in trace if not one.retries]
    whole = [(a, b, c) for a, b, c in times if b is not None and c is not None]
    waited, worked = sum(b - a for a, b, _ in whole), sum(c - b for _, b, c in whole)
    if not whole or waited <= _QUEUES * (waited + worked):
        return set()
    at_a_time = worked / max(1e-9, _busy(sorted((b, c) for _, b, c in whole)))
    return {1, ceil(at_a_time - 0.05), ceil(1.5 * at_a_time)}


def _busy(worked: list[tuple[float, float]]) -> float:
    """The time in which anything was worked on."""
    total, until = 0.0, float("-inf")
    for start, end in worked:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
