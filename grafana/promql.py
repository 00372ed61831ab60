"""The plain queries. The ratios and quantiles are those of `alerts.expressions`, so that a panel shows what an alert asks."""

from collections.abc import Sequence
from typing import Final

from alerts.expressions import Expression, Quantile, Samples
from exporter.metrics.families import Family
from grafana.panel import Query

ACCOUNT: Final = 'account=~"$account"'
PICKED: Final = f'{ACCOUNT},api=~"$api"'
GATEWAY: Final = f'{ACCOUNT},endpoint="gateway"'
STATUS: Final = f'{ACCOUNT},endpoint="status"'
INSTANCE: Final = 'instance=~"$instance"'
# About now, and all the time that the dashboard shows.
NOW: Final = "$__rate_interval"
SHOWN: Final = "$__range"


def per_second(family: Family, *, by: Sequence[str] = (), selector: str = PICKED) -> str:
    return _aggregate("sum", by, f"rate({Samples(family).select(selector)}[{NOW}])")


def in_time_shown(family: Family, *, by: Sequence[str] = (), selector: str = PICKED) -> str:
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


def curve(promql: str, legend: str) -> Query:
    return Query(promql=promql, legend=legend)


def number(promql: str, legend: str = "") -> Query:
    return Query(promql=promql, legend=legend, instant=True)


def _aggregate(how: str, by: Sequence[str], vector: str) -> str:
    return f"{how} by ({', '.join(by)}) ({vector})" if by else f"{how}({vector})"
