"""What queries name, against what the exporter declares: for everything that is written in PromQL."""

from collections.abc import Iterator
from typing import Any

import promql_parser

from exporter.metrics.families import FAMILIES, Kind

# What the scraper adds to every sample.
ADDED = frozenset({"job", "instance", "cluster", "namespace", "pod"})
# What it says of a scrape, and what prometheus-client says of the process.
SCRAPER = ("up", "scrape_duration_seconds", "scrape_samples_scraped")
PROCESS = tuple(
    f"process_{name}"
    for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds", "max_fds", "start_time_seconds")
)


def declared() -> dict[str, frozenset[str]]:
    """The labels that a sample may have, by the sample's name."""
    samples = dict.fromkeys((*SCRAPER, *PROCESS), ADDED)
    samples["ALERTS"] = ADDED | {"alertname"}
    for family in FAMILIES:
        labels = ADDED | {*family.labels}
        if family.kind is Kind.HISTOGRAM:
            samples[f"{family.name}_bucket"] = labels | {"le"}
            samples[f"{family.name}_count"] = samples[f"{family.name}_sum"] = labels
        else:
            samples[family.name] = labels
    return samples


def nodes(expression: Any) -> Iterator[Any]:
    """Every part of a parsed expression, itself included."""
    yield expression
    parts = [getattr(expression, name, None) for name in ("expr", "lhs", "rhs", "param", "vector_selector")]
    for part in [*parts, *getattr(expression, "args", [])]:
        if part is not None and not isinstance(part, str):
            yield from nodes(part)


def selectors(expression: Any) -> list[promql_parser.VectorSelector]:
    return [node for node in nodes(expression) if isinstance(node, promql_parser.VectorSelector)]


def undeclared(query: str) -> list[str]:
    """The metrics and labels in a query that nothing has, in the order in which they stand there. ValueError where it does
    not parse."""
    known, found = declared(), []
    for node in nodes(promql_parser.parse(query)):
        if isinstance(node, promql_parser.VectorSelector):
            labels = known.get(node.name or "")
            wanted = {matcher.name for matcher in node.matchers.matchers}
            found += [f"{node.name}"] if labels is None else sorted(wanted - labels)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            labels = frozenset().union(*(known.get(one.name or "", frozenset()) for one in selectors(node)))
            found += sorted({*node.modifier.labels} - labels)
    return found
