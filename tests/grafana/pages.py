"""What the tests read in the dashboards."""

import re
from typing import Any

import promql_parser

from grafana.build import DASHBOARDS
from grafana.promql import TARGET_LABELS
from tests.promql import selectors

# As Grafana puts them in, with all values chosen.
VALUES = {
    "__rate_interval": "20s",
    "__range": "1m",
    "__interval": "5s",
    **dict.fromkeys((*TARGET_LABELS, "account", "api"), ".*"),
}


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARDS[name].json()["panels"] if panel["type"] != "row"]


def with_values(query: str) -> str:
    """The query that reaches Prometheus. KeyError for a variable that there is not."""
    return re.sub(r"\$(\w+)", lambda found: VALUES[found[1]], query)


def metrics_in(query: str) -> list[str]:
    return [selector.name or "" for selector in selectors(promql_parser.parse(with_values(query)))]
