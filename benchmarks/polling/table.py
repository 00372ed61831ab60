"""The measurements of all seeds, against the targets, as Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.polling.bound import Checks
from benchmarks.polling.durations import Errors
from benchmarks.polling.measure import CALLS, POLICIES, Case, Measured
from benchmarks.polling.targets import FAMILY, LIGHT, MOST_OF_FEWEST
from exporter.core.learned.promise import EFFORTS
from exporter.simulate.workloads import WORKLOADS


@dataclass(frozen=True, slots=True)
class Row:
    """Means over seeds; `efforts` are (polls a request, mean delay)."""

    workload: str
    mean: dict[str, float]
    p99: dict[str, float]
    polls: dict[str, float]
    staleness: dict[str, float]
    picking: float
    busiest: int
    worst: float
    knows: str
    fewest: float | None
    learned: Errors
    middle: Errors
    lasted: list[float]
    efforts: dict[str, tuple[float, float]]

    def ratio(self, rival: str) -> float:
        return self.mean["learned"] / max(1e-9, self.mean[rival])

    @property
    def tail(self) -> float:
        return self.p99["learned"] / max(1e-9, self.p99["round_robin"])

    def verdicts(self) -> Iterator[tuple[str, float, float]]:
        """Each target as (what, measured, at most)."""
        family = FAMILY[self.workload]
        for what, rival, most in (
            ("oracle", "oracle", family.oracle),
            ("round robin", "round_robin", family.turn),
            ("fixed 15 s", "fixed:15s", family.fixed),
        ):
            if most is not None:
                yield f"mean / {what}", self.ratio(rival), most
        if family.tail is not None:
            yield "p99 / round robin", self.tail, family.tail
        if family is LIGHT and self.fewest is not None:
            promise = EFFORTS["normal"]
            yield "mean / promised", self.mean["learned"] / max(promise.least, promise.part * fmean(self.lasted)), 1.0
            yield "polls / fewest", self.polls["learned"] / self.fewest, MOST_OF_FEWEST
        yield "busiest window", self.busiest, CALLS

    def missed(self) -> list[str]:
        return [f"{what} {value:.2f} > {most:g}" for what, value, most in self.verdicts() if round(value, 2) > most]


def row(cases: Sequence[Case]) -> Row:
    """All seeds of one workload."""
    first = cases[0]
    mean, p99, polls, staleness = (
        {name: fmean(getattr(one.measured[name], what) for one in cases) for name in POLICIES}
        for what in ("mean", "p99", "polls", "staleness")
    )
    lasted = [duration for one in cases for duration in one.lasted]
    light = FAMILY[first.workload] is LIGHT
    return Row(
        workload=first.workload,
        mean=mean,
        p99=p99,
        polls=polls,
        staleness=staleness,
        picking=fmean(one.measured["learned"].picking for one in cases),
        busiest=max(measured.busiest for one in cases for measured in one.measured.values()),
        worst=max(one.measured["learned"].mean / max(1e-9, one.measured["round_robin"].mean) for one in cases),
        knows=first.knows,
        fewest=Checks(lasted).fewest_polls(mean["learned"]) if light else None,
        learned=_mean_errors([one.learned for one in cases]),
        middle=_mean_errors([one.middle for one in cases]),
        lasted=lasted,
        efforts={effort: _polls_and_mean([one.efforts[effort] for one in cases]) for effort in first.efforts},
    )


def delays(rows: Iterable[Row]) -> str:
    head = (
        "workload", "what it is", "learned", "oracle", "round robin", "fixed 15 s", "age",
        "/ oracle", "/ round robin (worst seed)", "p99 / round robin", "polls", "us a poll", "target missed",
    )  # fmt: skip
    lines = []
    for one in rows:
        missed = one.missed()
        lines.append((
            f"`{one.workload}`",
            WORKLOADS[one.workload].summary,
            *(seconds(one.mean[name]) for name in ("learned", "oracle", "round_robin", "fixed:15s", "age")),
            f"{one.ratio('oracle'):.2f}",
            f"{one.ratio('round_robin'):.3g} ({one.worst:.3g})",
            f"{one.tail:.2f}",
            f"{one.polls['learned']:.2f}",
            f"{one.picking:.0f}",
            "; ".join(f"**{text}**" for text in missed) or "none",
        ))  # fmt: skip
    return markdown(head, lines)


def light(rows: Iterable[Row]) -> str:
    head = (
        "workload",
        "mean delay",
        "polls",
        "fewest polls of any policy for that delay",
        "ratio",
        "p99",
        "max staleness",
        "low: polls, mean delay",
        "high: polls, mean delay",
    )
    lines = [
        (
            f"`{one.workload}`",
            seconds(one.mean["learned"]),
            f"{one.polls['learned']:.2f}",
            f"{one.fewest:.2f}",
            f"{one.polls['learned'] / one.fewest:.2f}",
            seconds(one.p99["learned"]),
            seconds(one.staleness["learned"]),
            *(f"{polls:.2f}, {seconds(mean)}" for polls, mean in one.efforts.values()),
        )
        for one in rows
        if one.fewest is not None
    ]
    return markdown(head, lines)


def durations(rows: Iterable[Row]) -> str:
    head = (
        "workload", "Kolmogorov distance", "of the middle", "p50 error", "of the middle", "p90 error", "of the middle",
        "p99 error", "of the middle",
    )  # fmt: skip
    lines = []
    for one in rows:
        if not one.middle.distance:
            continue
        cells = [f"`{one.workload}`", f"{one.learned.distance:.3f}", f"{one.middle.distance:.3f}"]
        for level in ("p50", "p90", "p99"):
            cells += [f"{100 * getattr(errors, level):+.1f} %" for errors in (one.learned, one.middle)]
        lines.append(tuple(cells))
    return markdown(head, lines)


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    table = [tuple(head), ("---",) * len(head), *lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in table)


def seconds(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _polls_and_mean(found: Sequence[Measured]) -> tuple[float, float]:
    return fmean(one.polls for one in found), fmean(one.mean for one in found)


def _mean_errors(found: Sequence[Errors]) -> Errors:
    return Errors(*(fmean(getattr(one, name) for one in found) for name in ("distance", "p50", "p90", "p99")))
