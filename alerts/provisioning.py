"""The alerts as Grafana provisions them: `python -m alerts.provisioning > alerts/grafana/leadsquared-exporter.yaml`; it takes what
`alerts.rules` takes.

Grafana replaces ${PROMETHEUS_UID} by its environment's value. Contact points and policies are the user's own; `severity` is
there to be routed by.
"""

import re
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from alerts.alert import PREFIX, Alert
from alerts.catalogue import ALERTS, catalogue
from alerts.document import write
from alerts.rules import NAME, arguments, chosen, grouped, lingering
from alerts.site import Site
from alerts.thresholds import STANDARD, Thresholds
from alerts.watch import DOWN

FOLDER: Final = "LeadSquared"
UID: Final = "${PROMETHEUS_UID}"
INTERVAL: Final = "1m"
INTERVAL_SECONDS: Final = 60.0
# Versions differ in whether they replace $NAME in annotations too; the dotted names mean the same and have no dollar.
_VARIABLES: Final = (("$labels", ".Labels"), ("$value", ".Values.A.Value"))
_SAMPLE_RANGE: Final = {"from": 600, "to": 0}
_TWICE: Final = {name for name, count in Counter(alert.name for alert in ALERTS).items() if count > 1}


def provisioning(thresholds: Thresholds = STANDARD, site: Site | None = None) -> str:
    site = site or Site()
    groups = [
        {
            "orgId": 1,
            "name": f"{NAME}.{group}",
            "folder": FOLDER,
            "interval": every.span if every.value else INTERVAL,
            "rules": [_rule(alert, thresholds, site) for alert in alerts],
        }
        for group, every, alerts in grouped(catalogue(thresholds, site))
    ]
    return write({"apiVersion": 1, "groups": groups}, module=__package__)


def _rule(alert: Alert, thresholds: Thresholds, site: Site) -> dict[str, Any]:
    linger = lingering(alert, thresholds)
    every = alert.every.value or INTERVAL_SECONDS
    return {
        "uid": alert.key.replace(PREFIX, "lsq-"),
        "title": f"{alert.name} ({alert.severity})" if alert.name in _TWICE else alert.name,
        "condition": "C",
        "data": _data(alert.expression),
        # No sample is what all is well looks like.
        "noDataState": "OK",
        # Where Prometheus does not answer, one alert tells it, and the others stay as they are.
        "execErrState": "Error" if alert.name == DOWN else "KeepLast",
        "for": alert.hold.span,
        "keepFiringFor": linger.span,
        "missingSeriesEvalsToResolve": max(1, round(linger.value / every)),
        "labels": {"severity": str(alert.severity)},
        "annotations": {
            "summary": _template(alert.summary),
            # Without the details: its templates can't ask for more.
            "description": _template(alert.description),
            "list_url": _template(site.page(alert.page)),
            "runbook_url": site.runbook(alert.name),
        },
    }


def _data(expression: str) -> list[dict[str, Any]]:
    """A sample means trouble whatever its value, which may be 0: so that it is there is what is compared."""
    there = "is_number($A) || is_nan($A) || is_inf($A)"
    above = [{"evaluator": {"type": "gt", "params": [0]}}]
    return [
        _step("A", UID, {"expr": expression, "instant": True, "range": False}),
        _step("B", "__expr__", {"type": "math", "expression": there}),
        _step("C", "__expr__", {"type": "threshold", "expression": "B", "conditions": above}),
    ]


def _step(name: str, source: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": name,
        "relativeTimeRange": dict(_SAMPLE_RANGE),
        "datasourceUid": source,
        "model": {"refId": name, **model},
    }


def _template(text: str) -> str:
    for name, dotted in _VARIABLES:
        text = re.sub(re.escape(name) + r"\b", dotted, text)
    return text


def main(given: Sequence[str]) -> str:
    return provisioning(*chosen(arguments("alerts.provisioning").parse_args(given)))


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
