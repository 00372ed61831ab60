"""The plain queries. The ratios and quantiles are those of `alerts.expressions`, so that a panel shows what an alert asks."""

from collections.abc import Mapping, Sequence
from typing import Final

from alerts.expressions import Expression, Quantile, Samples
from exporter.metrics import families as f
from exporter.metrics.families import Family
from grafana.panel import Query

# What is scraped, by the labels that the scraper adds. One that it does not add is chosen by any value, none included.
TARGET_LABELS: Final = ("cluster", "namespace", "job", "instance")
TARGETS: Final = ",".join(f'{label}=~"${label}"' for label in TARGET_LABELS)
SAME_TARGET: Final = f"on ({', '.join(TARGET_LABELS)})"
ACCOUNT: Final = f'{TARGETS},account=~"$account"'
PICKED: Final = f'{ACCOUNT},api=~"$api"'
GATEWAY: Final = f'{ACCOUNT},endpoint="gateway"'
STATUS: Final = f'{ACCOUNT},endpoint="status"'
# About now, all the time that the dashboard shows, and the part of it that one bar stands for.
NOW: Final = "$__rate_interval"
SHOWN: Final = "$__range"
BAR: Final = "$__interval"
# Long enough for a ratio to be one.
SLOW: Final = "5m"
SLOW_SECONDS: Final = 300


def per_second(family: Family, *, by: Sequence[str] = (), selector: str = PICKED, window: str = NOW) -> str:
    return _aggregate("sum", by, f"rate({Samples(family).select(selector)}[{window}])")


def counted(family: Family, *, by: Sequence[str] = (), selector: str = PICKED) -> str:
    """How many there were in the time of a bar, for durable counters.

    `increase` leaves out what a series begins with, and of most reasons to fail there is no second. Here a series that begins
    counts from 0, unless its exporter begins with it: that one only goes on with what it counted before.
    """
    samples = Samples(family).select(selector)
    now, before = (f"last_over_time({samples}[1h]{offset})" for offset in ("", f" offset {BAR}"))
    scraped = f"last_over_time({f.BUILD.name}[1h] offset {BAR})"
    return _aggregate("sum", by, f"clamp_min({now} - ({before} or {now} * 0 and {SAME_TARGET} {scraped}), 0)")


def increased(family: Family, *, by: Sequence[str] = (), selector: str = PICKED) -> str:
    return _aggregate("sum", by, f"increase({Samples(family).select(selector)}[{SHOWN}])")


def total(family: Family, *, by: Sequence[str] = (), selector: str = PICKED) -> str:
    return _aggregate("sum", by, Samples(family).select(selector))


def highest(family: Family, *, by: Sequence[str] = (), selector: str = PICKED) -> str:
    return _aggregate("max", by, Samples(family).select(selector))


def lowest(family: Family, *, by: Sequence[str] = (), selector: str = PICKED) -> str:
    return _aggregate("min", by, Samples(family).select(selector))


def buckets(histogram: Family, *, selector: str = PICKED) -> str:
    return f"sum by (le) (rate({Samples(histogram).select(selector, suffix='_bucket')}[{NOW}]))"


def shared(expression: Expression, *, by: Sequence[str] = (), selector: str = PICKED, window: str = NOW) -> str:
    return expression.promql(selector=selector, window=window, by=by)


def quantiles(of: Sequence[Quantile], *, selector: str = PICKED) -> tuple[Query, ...]:
    return tuple(
        Query(promql=shared(one, selector=selector), legend=f"p{round(one.quantile * 100, 3):g}") for one in of
    )


def enough(ratio: str, family: Family, least: float, *, by: Sequence[str] = (), selector: str = PICKED) -> str:
    """A ratio only where more than so many were counted: of three requests one is a third, and no trend."""
    return f"{ratio} and {per_second(family, by=by, selector=selector, window=SLOW)} * {SLOW_SECONDS} > {least:g}"


def renamed(vector: str, label: str, names: Mapping[str, str]) -> str:
    """With words for the values of a label."""
    for value, name in names.items():
        vector = f'label_replace({vector}, "{label}", "{name}", "{label}", "{value}")'
    return vector


def curve(promql: str, legend: str) -> Query:
    return Query(promql=promql, legend=legend)


def number(promql: str, legend: str = "") -> Query:
    return Query(promql=promql, legend=legend, instant=True)


def _aggregate(how: str, by: Sequence[str], vector: str) -> str:
    return f"{how} by ({', '.join(by)}) ({vector})" if by else f"{how}({vector})"
