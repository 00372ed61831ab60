"""A snapshot as exposition text.

prometheus_client's own writer takes 5 to 10 us a series and holds the interpreter, which the event loop needs. This one
keeps the label part of every line it has written; its text is checked to be what prometheus_client writes.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import accumulate
from math import inf

from prometheus_client.utils import floatToGoString

from exporter.core.ledger import Observation
from exporter.metrics.collector import Shape, Snapshot
from exporter.metrics.families import FAMILIES, Family, Kind

LARGEST_PLAIN = 1e10


def render(snapshot: Snapshot, *, openmetrics: bool, names: Collection[str] = ()) -> str:
    """All families, samples or not; with `names` only those families and samples. Without `# EOF`."""
    lines: list[str] = []
    for family in FAMILIES:
        wanted = _wanted(family, names)
        if wanted is not None:
            lines += _head(family, openmetrics=openmetrics)
            lines += (line for sample, line in _samples(snapshot, family, openmetrics=openmetrics) if sample in wanted)
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


def _samples(snapshot: Snapshot, family: Family, *, openmetrics: bool) -> Iterator[tuple[str, str]]:
    if family.kind is Kind.HISTOGRAM:
        for labels, shape in snapshot.shapes.get(family, {}).items():
            yield from _histogram(family, labels, shape, openmetrics=openmetrics)
        return
    for labels, value in snapshot.values.get(family, {}).items():
        yield family.name, f"{family.name}{_braced(family.labels, labels)} {_number(value)}"


def _histogram(
    family: Family, labels: tuple[str, ...], shape: Shape, *, openmetrics: bool
) -> Iterator[tuple[str, str]]:
    name = family.name
    exemplars = shape.exemplars if openmetrics else {}
    for index, count in enumerate(accumulate(shape.counts)):
        bound = shape.bounds[index] if index < len(shape.bounds) else inf
        line = f"{name}_bucket{_bucket(family.labels, labels, bound)} {_number(count)}"
        exemplar = exemplars.get(index)
        yield f"{name}_bucket", line if exemplar is None else line + _exemplar(exemplar)
    braced = _braced(family.labels, labels)
    yield f"{name}_count", f"{name}_count{braced} {_number(sum(shape.counts))}"
    yield f"{name}_sum", f"{name}_sum{braced} {_number(shape.total)}"


def _exemplar(one: Observation) -> str:
    return f' # {{request_id="{one.request_id}"}} {_number(one.value)} {one.time!r}'


def _number(value: float) -> str:
    if -LARGEST_PLAIN < value < LARGEST_PLAIN:
        return repr(float(value))
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=200_000)
def _braced(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    inner = _inner(names, values)
    return f"{{{inner}}}" if inner else ""


@lru_cache(maxsize=200_000)
def _bucket(names: tuple[str, ...], values: tuple[str, ...], bound: float) -> str:
    inner = _inner((*names, "le"), (*values, _number(bound)))
    return f"{{{inner}}}"


def _inner(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(zip(names, values, strict=True)))


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
