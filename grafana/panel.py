"""The panels that the dashboards are made of, and how Grafana writes each of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from grafana.colours import PLAIN

Json = dict[str, Any]
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
# What one bar and one cell stand for at least.
LEAST_BAR: Final = "1m"
LEAST_CELL: Final = "15s"
# Where nothing happens an axis would go up to 100.
LEAST_AXIS: Final = {"reqps": 0.1, "s": 0.1, "short": 4.0, "percentunit": 0.1}
# From its value on, a colour; the first has none.
Threshold = tuple[float | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """`instant`: the value at the end of the time shown, and no curve. `legend` names the series, as Grafana's template."""

    promql: str
    legend: str
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """To where a click on a value leads. The URL may use Grafana's variables."""

    title: str
    url: str

    def json(self) -> Json:
        return {"title": self.title, "url": self.url, "targetBlank": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel(ABC):
    """`width` is in 24ths of the page, `height` in Grafana's rows of 30 pixels; `unit` is one of Grafana's. `colours` are by
    the name of the series, `texts` are shown in place of a value, and `nothing` where there is no sample at all."""

    kind: ClassVar[str]

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str
    width: int = 8
    height: int = 8
    minimum: float | None = 0
    maximum: float | None = None
    decimals: int | None = None
    thresholds: tuple[Threshold, ...] = ((None, PLAIN),)
    colours: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[float, tuple[str, str]] = field(default_factory=dict)
    nothing: str = "No data"
    links: tuple[Link, ...] = ()
    exemplars: bool = False

    @abstractmethod
    def options(self) -> Json:
        """How the whole panel looks."""

    def custom(self) -> Json:
        """How a series looks."""
        return {}

    def colour(self) -> Json:
        return {"mode": "thresholds"}

    def overrides(self) -> list[Json]:
        return [_override(name, "color", _fixed(colour)) for name, colour in self.colours.items()]

    def form(self) -> str:
        return "time_series"

    def least_step(self) -> str | None:
        """The time between two points is never shorter, where that is bounded by more than the scrapes."""
        return None

    def json(self, *, number: int, place: Mapping[str, int]) -> Json:
        step = self.least_step()
        return {
            **({"interval": step} if step else {}),
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": SOURCE,
            "gridPos": dict(place),
            "fieldConfig": {"defaults": self._defaults(), "overrides": self.overrides()},
            "options": self.options(),
            "targets": [self._target(number, query) for number, query in enumerate(self.queries)],
        }

    def _defaults(self) -> Json:
        steps = [{"value": value, "color": colour} for value, colour in self.thresholds]
        found: Json = {
            "unit": self.unit,
            "min": self.minimum,
            "max": self.maximum,
            "decimals": self.decimals,
            "color": self.colour(),
            "thresholds": {"mode": "absolute", "steps": steps},
            "mappings": [_mapping(self.texts)] if self.texts else [],
            "links": [link.json() for link in self.links],
            "noValue": self.nothing,
            "custom": self.custom(),
        }
        return {key: value for key, value in found.items() if value is not None}

    def _target(self, number: int, query: Query) -> Json:
        return {
            "refId": chr(ord("A") + number),
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": query.promql,
            "legendFormat": query.legend,
            "format": self.form(),
            "instant": query.instant,
            "range": not query.instant,
            # One query brings them all; each would draw the same dots again.
            "exemplar": self.exemplars and number == 0,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries(Panel):
    """`stacked` areas add up; `bars` are for what is rare, `steps` for states, and a `logarithmic` axis for what differs by
    orders of magnitude; `least` is what it begins with unless a value is lower. `limits` names the series that are bounds.
    `shades_of` is a colour that all share, and `totals` puts the names and the sum of each to the right.
    """

    kind = "timeseries"

    stacked: bool = False
    bars: bool = False
    steps: bool = False
    limits: Sequence[str] = ()
    shades_of: str | None = None
    totals: bool = False
    logarithmic: bool = False
    least: float | None = None

    def colour(self) -> Json:
        return {"mode": "shades", "fixedColor": self.shades_of} if self.shades_of else {"mode": "palette-classic"}

    def options(self) -> Json:
        legend: Json = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
        if self.totals:
            legend |= {
                "displayMode": "table",
                "placement": "right",
                "calcs": ["sum"],
                "sortBy": "Total",
                "sortDesc": True,
            }
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc", "hideZeros": self.stacked}}

    def custom(self) -> Json:
        return {
            "drawStyle": "bars" if self.bars else "line",
            "lineInterpolation": "stepAfter" if self.steps else "linear",
            "lineWidth": 0 if self.bars else 1 if self.stacked else 2,
            "fillOpacity": 80 if self.bars or self.steps else 50 if self.stacked else 0,
            "gradientMode": "none",
            "showPoints": "never" if self.stacked or self.bars else "auto",
            "pointSize": 4,
            "spanNulls": False,
            "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
            "axisPlacement": "auto",
            "scaleDistribution": {"type": "log", "log": 10} if self.logarithmic else {"type": "linear"},
            **({} if self.least is None else {"axisSoftMin": self.least}),
            "axisSoftMax": 1 if self.steps else LEAST_AXIS.get(self.unit, 1),
            "thresholdsStyle": {"mode": "dashed" if len(self.thresholds) > 1 else "off"},
        }

    def overrides(self) -> list[Json]:
        bound = {
            "custom.stacking": {"mode": "none", "group": "A"},
            "custom.fillOpacity": 0,
            "custom.lineWidth": 2,
            "custom.lineStyle": {"fill": "dash", "dash": [8, 6]},
        }
        own = Panel.overrides(self)
        return [*own, *(_override(name, key, value) for name in self.limits for key, value in bound.items())]

    def least_step(self) -> str | None:
        return LEAST_BAR if self.bars else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Panel):
    """One number, or with `named` the name of the series. No curve behind it: that runs through the number."""

    kind = "stat"

    width: int = 4
    height: int = 4
    named: bool = False

    def options(self) -> Json:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "orientation": "auto",
            "textMode": "name" if self.named else "value",
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "center",
            "wideLayout": True,
            "text": {"valueSize": 34},
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BarGauge(Panel):
    """A bar for each series."""

    kind = "bargauge"

    def options(self) -> Json:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "orientation": "horizontal",
            "text": {"titleSize": 12, "valueSize": 16},
            "displayMode": "basic",
            "valueMode": "color",
            "namePlacement": "auto",
            "showUnfilled": True,
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 30,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap(Panel):
    """The buckets of a histogram over time; its one query gives each a rate by `le`."""

    kind = "heatmap"

    width: int = 12

    def form(self) -> str:
        return "heatmap"

    def least_step(self) -> str | None:
        return LEAST_CELL

    def options(self) -> Json:
        return {
            "calculate": False,
            "cellGap": 1,
            "cellValues": {},
            "color": {
                "mode": "scheme",
                "scheme": "Blues",
                "fill": "blue",
                "scale": "exponential",
                "exponent": 0.5,
                "steps": 64,
                "reverse": False,
            },
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
            "yAxis": {"axisPlacement": "left", "unit": self.unit, "reverse": False},
        }


def _fixed(colour: str) -> Json:
    return {"mode": "fixed", "fixedColor": colour}


def _override(name: str, key: str, value: object) -> Json:
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": key, "value": value}]}


def _mapping(texts: Mapping[float, tuple[str, str]]) -> Json:
    named = ((f"{value:g}", text, colour) for value, (text, colour) in texts.items())
    options = {
        value: {"index": index, "text": text, "color": colour} for index, (value, text, colour) in enumerate(named)
    }
    return {"type": "value", "options": options}
