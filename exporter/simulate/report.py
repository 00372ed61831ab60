"""What a run came to, for people and for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from exporter.simulate.run import Outcome
from exporter.simulate.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Delays are seconds between the end of a request and its detection, over every request that finished before the
    horizon, with undetected ones counted up to the horizon; None where none finished."""

    policy: str
    requests: int
    finished: int
    detected: int
    delay_mean: float | None
    delay_p50: float | None
    delay_p90: float | None
    delay_p99: float | None
    polls: int
    polls_per_finished: float | None
    max_staleness: float
    busiest_window: int
    cpu_seconds: float

    def fields(self) -> dict[str, object]:
        return asdict(self)


def report(policy: str, trace: Trace, outcome: Outcome, *, horizon: float, period: float) -> Report:
    late = sorted(delays(trace, outcome, horizon=horizon))
    detected = sum(one == one for one in outcome.detected)
    return Report(
        policy=policy,
        requests=len(trace),
        finished=len(late),
        detected=detected,
        delay_mean=sum(late) / len(late) if late else None,
        delay_p50=quantile(late, 0.5),
        delay_p90=quantile(late, 0.9),
        delay_p99=quantile(late, 0.99),
        polls=len(outcome.calls),
        polls_per_finished=len(outcome.calls) / len(late) if late else None,
        max_staleness=outcome.max_staleness,
        busiest_window=busiest(outcome.calls, period),
        cpu_seconds=round(outcome.cpu_seconds, 3),
    )


def delays(trace: Trace, outcome: Outcome, *, horizon: float) -> list[float]:
    """Of every request that finished before the horizon."""
    found = []
    for request, detected in zip(trace, outcome.detected, strict=True):
        if request.finished is not None and request.finished < horizon:
            found.append((detected if detected == detected else horizon) - request.finished)
    return found


def quantile(ordered: Sequence[float], level: float) -> float | None:
    """Interpolated between the two nearest; None of nothing."""
    if not ordered:
        return None
    place = level * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def busiest(calls: Sequence[float], period: float) -> int:
    """The most calls in any window [t, t + period)."""
    most = first = 0
    for number, call in enumerate(calls):
        while call - calls[first] >= period:
            first += 1
        most = max(most, number - first + 1)
    return most


def text(found: Report, *, rate: float) -> str:
    """A few lines for a terminal. `rate` is the calls/s that the budget allows."""
    lines = [
        f"policy           {found.policy}",
        f"requests         {found.requests}, {found.finished} finished, {found.detected} of them detected",
        f"detection delay  mean {_seconds(found.delay_mean)}, p50 {_seconds(found.delay_p50)}, "
        f"p90 {_seconds(found.delay_p90)}, p99 {_seconds(found.delay_p99)}",
        f"polls            {found.polls}, {_figure(found.polls_per_finished)} for each finished request",
        f"budget           {rate:g} calls/s, busiest window {found.busiest_window} calls",
        f"max staleness    {_seconds(found.max_staleness)}",
        f"cpu              {found.cpu_seconds:.2f} s",
    ]
    return "".join(f"{line}\n" for line in lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
