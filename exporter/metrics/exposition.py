"""A snapshot as exposition text.

prometheus_client's own writer takes 5 to 10 us a series and holds the interpreter, which the event loop needs. This one
keeps the label part of every line it has written; its text is checked to be what prometheus_client writes.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import accumulate, islice

from prometheus_client.utils import floatToGoString

from exporter.core.ledger import Labels, Observation
from exporter.metrics.collector import Shape, Snapshot
from exporter.metrics.families import FAMILIES, Family, Kind
from exporter.metrics.gauges import account_gauges

# After so many lines the interpreter is let go, about every millisecond: the event loop's thread is waiting for it. A sleep
# of 0 would not do, because this thread would have the interpreter back before the other has woken up.
CHUNK = 1_000
PAUSE_SECONDS = 0.00005
# OpenMetrics allows 128 characters for the label of an exemplar, and its name takes ten.
EXEMPLAR_LONGEST = 118

_go_number: Callable[[float], str] = floatToGoString


def render(snapshot: Snapshot, *, openmetrics: bool, names: Collection[str] = ()) -> str:
    """All families, samples or not; with `names` only those families and samples. Without `# EOF`."""
    lines: list[str] = []
    values = snapshot.values | account_gauges(snapshot.views)
    written = 0
    for family in FAMILIES:
        wanted = _wanted(family, names)
        if wanted is None:
            continue
        lines += _head(family, openmetrics=openmetrics)
        for chunk in _chunks(snapshot, values, family, wanted, openmetrics=openmetrics):
            lines += chunk
            written += len(chunk)
            if written >= CHUNK:
                written = 0
                time.sleep(PAUSE_SECONDS)
    return "\n".join(lines) + "\n" if lines else ""


def _wanted(family: Family, names: Collection[str]) -> frozenset[str] | None:
    """The names of the samples to write; None where nothing of the family is wanted."""
    samples = sample_names(family)
    if not names or family.name in names or family.name.removesuffix("_total") in names:
        return samples
    return samples.intersection(names) or None


def sample_names(family: Family) -> frozenset[str]:
    if family.kind is Kind.HISTOGRAM:
        return frozenset(f"{family.name}{suffix}" for suffix in ("_bucket", "_count", "_sum"))
    return frozenset([family.name])


def _head(family: Family, *, openmetrics: bool) -> list[str]:
    name = family.name.removesuffix("_total") if openmetrics and family.kind is Kind.COUNTER else family.name
    return [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]


def _chunks(
    snapshot: Snapshot,
    values: Mapping[Family, Mapping[Labels, float]],
    family: Family,
    wanted: frozenset[str],
    *,
    openmetrics: bool,
) -> Iterator[list[str]]:
    if family.kind is Kind.HISTOGRAM:
        every = len(wanted) == len(sample_names(family))
        for labels, shape in snapshot.shapes.get(family, {}).items():
            lines = _histogram(family, labels, shape, openmetrics=openmetrics)
            yield lines if every else [line for line in lines if line.partition("{")[0].partition(" ")[0] in wanted]
        return
    starts = _starts(family)
    rest = iter(values.get(family, {}).items())
    while chunk := list(islice(rest, CHUNK)):
        yield [(starts.get(labels) or _value_start(family, labels)) + _number(value) for labels, value in chunk]


def _histogram(family: Family, labels: Labels, shape: Shape, *, openmetrics: bool) -> list[str]:
    known = _histogram_starts(family, shape.bounds)
    starts = known.get(labels) or _bucket_starts(family, labels, shape.bounds)
    counts = list(accumulate(shape.counts))
    # zip ends with the counts: behind them are the starts of _count and _sum.
    lines = [start + _number(count) for start, count in zip(starts, counts, strict=False)]
    if openmetrics:
        for index, exemplar in shape.exemplars.items():
            lines[index] += _exemplar(exemplar)
    return [*lines, starts[-2] + _number(counts[-1]), starts[-1] + _number(shape.total)]


def _exemplar(one: Observation) -> str:
    if len(one.request_id) > EXEMPLAR_LONGEST:
        return ""
    return f' # {{request_id="{one.request_id}"}} {_number(one.value)} {one.time!r}'


class _Whole(dict[int, str]):
    """Whole numbers as text: counts are mostly small, and looking one up costs a tenth of writing it."""

    def __missing__(self, value: int) -> str:
        return f"{value}.0" if 0 <= value < 1_000_000 else _go_number(value)


_WHOLE = _Whole((value, f"{value}.0") for value in range(1024))


def _number(value: float) -> str:
    return _WHOLE[value] if type(value) is int else _go_number(value)


# The part of a line before its value, by family and labels. Scrapes at once share them: who finds one missing writes it,
# and it is the same whoever does. They are emptied when series have gone, so that accounts that come and go don't fill the
# memory.
_KEPT_MOST = 200_000
_kept: dict[Family, dict[Labels, str]] = {}
_kept_buckets: dict[tuple[Family, tuple[float, ...]], dict[Labels, tuple[str, ...]]] = {}


def _starts(family: Family) -> dict[Labels, str]:
    known = _kept.setdefault(family, {})
    if len(known) > _KEPT_MOST:
        known.clear()
    return known


def _histogram_starts(family: Family, bounds: tuple[float, ...]) -> dict[Labels, tuple[str, ...]]:
    known = _kept_buckets.setdefault((family, bounds), {})
    if len(known) > _KEPT_MOST // 20:
        known.clear()
    return known


def _value_start(family: Family, labels: Labels) -> str:
    start = _kept[family][labels] = _line_start(family.name, family.labels, labels)
    return start


def _bucket_starts(family: Family, labels: Labels, bounds: tuple[float, ...]) -> tuple[str, ...]:
    name, names = family.name, (*family.labels, "le")
    starts = [_line_start(f"{name}_bucket", names, (*labels, bound)) for bound in (*map(_go_number, bounds), "+Inf")]
    starts += [_line_start(f"{name}_{suffix}", family.labels, labels) for suffix in ("count", "sum")]
    kept = _kept_buckets[family, bounds][labels] = tuple(starts)
    return kept


def _line_start(name: str, names: Sequence[str], values: Sequence[str]) -> str:
    inner = ",".join(f'{label}="{_escaped(value)}"' for label, value in sorted(zip(names, values, strict=True)))
    return f"{name}{{{inner}}} " if inner else f"{name} "


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
