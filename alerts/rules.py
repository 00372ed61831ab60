"""The rules as Prometheus reads them: `python -m alerts.rules > alerts/leadsquared-exporter.rules.yaml`.

`python -m alerts.rules 15` prints the same on a clock that is fifteen times as fast, for demonstrations.
"""

import sys
from typing import Any

from alerts.alert import Alert
from alerts.catalogue import catalogue
from alerts.document import write
from alerts.expressions import EXPRESSIONS, Expression
from alerts.thresholds import STANDARD, Thresholds
from exporter.config.duration import format_duration

NAME = "leadsquared-exporter"


def rules(thresholds: Thresholds = STANDARD) -> str:
    """The content of a rule file; other thresholds give the same rules with other numbers."""
    recording = {"name": f"{NAME}.recording", "rules": [_recorded(one) for one in EXPRESSIONS]}
    linger = format_duration(thresholds.linger)
    alerting = [
        {"name": f"{NAME}.{group}", "rules": [_alerting(alert, linger) for alert in alerts]}
        for group, alerts in catalogue(thresholds).items()
    ]
    return write({"groups": [recording, *alerting]}, module=__package__)


def _recorded(expression: Expression) -> dict[str, Any]:
    labels = {"labels": expression.extra_labels} if expression.extra_labels else {}
    return {"record": expression.record, "expr": expression.promql(), **labels}


def _alerting(alert: Alert, linger: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        **({"for": format_duration(alert.hold)} if alert.hold else {}),
        "keep_firing_for": linger,
        "labels": {"severity": str(alert.severity)},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": alert.runbook,
        },
    }


if __name__ == "__main__":
    (factor,) = map(float, sys.argv[1:] or ("1",))
    sys.stdout.write(rules(STANDARD.hastened(factor)))
