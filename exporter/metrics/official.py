"""A snapshot as families of prometheus_client, for whoever has a registry of that library, and to check our writer by its."""

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector as Registrable
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.core.ledger import Labels, Observation
from exporter.metrics.collector import Collector, Shape, Snapshot
from exporter.metrics.families import FAMILIES, Family, Kind
from exporter.metrics.gauges import account_gauges

Bucket = tuple[str, float] | tuple[str, float, Exemplar]

_number: Callable[[float], str] = floatToGoString


class Official(Registrable):
    """Can be registered in a CollectorRegistry. `collect` takes a new snapshot, so it belongs on the event loop."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        return families(self._collector.snapshot())

    def describe(self) -> Iterator[Metric]:
        return families(Snapshot())


def families(snapshot: Snapshot) -> Iterator[Metric]:
    """Every declared family in its order, with samples or without."""
    values = snapshot.values | account_gauges(snapshot.views)
    for family in FAMILIES:
        yield _histogram(family, snapshot) if family.kind is Kind.HISTOGRAM else _values(family, values.get(family, {}))


def _values(family: Family, values: Mapping[Labels, float]) -> Metric:
    kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = kind(family.name, family.help, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric


def _histogram(family: Family, snapshot: Snapshot) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, shape in snapshot.shapes.get(family, {}).items():
        metric.add_metric(labels, _buckets(shape), sum_value=shape.total)
    return metric


def _buckets(shape: Shape) -> list[Bucket]:
    bounds = [*map(_number, shape.bounds), "+Inf"]
    counts = accumulate(shape.counts)
    return [
        _bucket(bound, count, shape.exemplars.get(index))
        for index, (bound, count) in enumerate(zip(bounds, counts, strict=True))
    ]


def _bucket(bound: str, count: int, exemplar: Observation | None) -> Bucket:
    if exemplar is None:
        return bound, count
    return bound, count, Exemplar({"request_id": exemplar.request_id}, exemplar.value, exemplar.time)
