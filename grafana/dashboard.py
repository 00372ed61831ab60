"""A dashboard as rows of panels, and how Grafana writes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.metrics import families as f
from exporter.metrics.families import Family
from grafana.colours import PLAIN, WORRYING
from grafana.panel import SOURCE, Json, Panel
from grafana.promql import SAME_TARGET, TARGET_LABELS, TARGETS

# The oldest Grafana whose form this is: 11.6. Newer ones read it, and bring it up to date by themselves.
SCHEMA_VERSION: Final = 41
TAG: Final = "leadsquared"
WIDTH: Final = 24
ALL: Final = {"text": ["All"], "value": ["$__all"]}
# Only what is scraped from an exporter of ours; every program has a process_start_time_seconds.
STARTED: Final = f"(process_start_time_seconds{{{TARGETS}}} and {SAME_TARGET} {f.BUILD.name})"
RELOADED: Final = f"({f.RELOAD_TIME.name}{{{TARGETS}}} > {SAME_TARGET} ({STARTED} + 10))"
EXPORTER: Final = "http://localhost:10040"


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, from the left; one that does not fit begins the next line."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """`uid` is what links, bookmarks and alerts know it by: it never changes. `variables` narrow the queries, in their order."""

    uid: str
    title: str
    description: str
    variables: tuple[Json, ...]
    rows: tuple[Row, ...]

    def json(self, *, exporter: str = EXPORTER) -> Json:
        """`exporter` is where a browser finds the exporter's pages."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "links": [_siblings(), _status_page()],
            "annotations": {"list": [_moments("Restarts", STARTED, WORRYING), _moments("Reloads", RELOADED, PLAIN)]},
            "templating": {"list": [_source(), *self.variables, _exporter(exporter)]},
            "panels": list(self._panels()),
        }

    def _panels(self) -> Iterator[Json]:
        top = number = 0
        for row in self.rows:
            number += 1
            yield _heading(row, number, top)
            left, top, height = 0, top + 1, 0
            for panel in row.panels:
                number += 1
                if left + panel.width > WIDTH:
                    left, top, height = 0, top + height, 0
                place = {"h": panel.height, "w": panel.width, "x": left, "y": top}
                yield panel.json(number=number, place=place)
                left, height = left + panel.width, max(height, panel.height)
            top += height


def values_of(label: str, family: Family, *, among: str = "") -> Json:
    """A variable that takes any of the values that `label` has in `family`, or all of them."""
    query = f"label_values({family.name}{{{among}}}, {label})" if among else f"label_values({family.name}, {label})"
    return {
        "name": label,
        "type": "query",
        "label": {"api": "API"}.get(label, label.capitalize()),
        "datasource": SOURCE,
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        # Two hundred accounts would be an expression of two hundred names, and what lacks the label none at all.
        "allValue": ".*",
        "multi": True,
        "current": ALL,
    }


def targets() -> tuple[Json, ...]:
    """Which of what is scraped: each among those of the one before."""
    narrowed = [",".join(TARGETS.split(",")[:count]) for count in range(len(TARGET_LABELS))]
    return tuple(values_of(label, f.BUILD, among=among) for label, among in zip(TARGET_LABELS, narrowed, strict=True))


def _heading(row: Row, number: int, top: int) -> Json:
    place = {"h": 1, "w": WIDTH, "x": 0, "y": top}
    return {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}


def _source() -> Json:
    return {"name": "datasource", "type": "datasource", "label": "Data source", "query": "prometheus"}


def _exporter(address: str) -> Json:
    """Where a browser finds the exporter's own pages, which have each RequestID."""
    return {
        "name": "exporter",
        "type": "textbox",
        "label": "Exporter's page",
        "query": address,
        "current": {"text": address, "value": address},
    }


def _siblings() -> Json:
    return {
        "type": "dashboards",
        "title": "LeadSquared",
        "tooltip": "The other dashboards of the exporter, for the same accounts and time",
        "tags": [TAG],
        "asDropdown": False,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
    }


def _status_page() -> Json:
    return {
        "type": "link",
        "title": "Exporter's page",
        "tooltip": "Every request that is watched, with its RequestID",
        "url": "${exporter}/",
        "tags": [],
        "asDropdown": False,
        "icon": "info",
        "includeVars": False,
        "keepTime": False,
        "targetBlank": True,
    }


def _moments(name: str, promql: str, colour: str) -> Json:
    """A mark at the times that `promql` has as values, in seconds."""
    return {
        "name": name,
        "enable": True,
        "iconColor": colour,
        "datasource": SOURCE,
        "expr": f"{promql} * 1000",
        "step": "60s",
        "useValueForTime": "on",
        "titleFormat": name,
        "textFormat": "{{instance}}",
    }
