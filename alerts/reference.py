"""docs/alerts.md, out of the declaration: `python -m alerts.reference > docs/alerts.md`."""

import re
import sys
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any

from alerts.alert import Alert
from alerts.catalogue import catalogue
from alerts.expressions import EXPRESSIONS, Expression, Quantile
from alerts.thresholds import STANDARD
from exporter.config.duration import format_duration

HEAD = """# Alerts

Generated from `alerts/`. `alerts/leadsquared-exporter.rules.yaml` is for Prometheus 2.42 or newer, and for whatever reads its
rules:

```yaml
rule_files: [leadsquared-exporter.rules.yaml]
```

`alerts/grafana/leadsquared-exporter.yaml` has the same alerts for Grafana's provisioning (`/etc/grafana/provisioning/alerting`).
The environment variable `PROMETHEUS_UID` names the data source there (`prometheus` with `grafana/provisioning`); contact points and
policies are yours.

`severity` is what to route by. **critical**: updates are being lost or nobody is watching, so wake somebody. **warning**: look
into it today. `runbook_url` is a path; put the address of your copy of these pages before it.

No job's name has to be configured. None of them fires for a healthy or an idle exporter, however busy, nor for a restart.
Trouble is told once: where nobody asked, nothing is said to be stuck; where the key is refused, the account is not also said to
be down.
"""
TITLES = {"updates": "Updates", "accounts": "LeadSquared, accounts and budgets", "exporter": "The exporter"}
TABLE = "\n| alert | severity | says | after |\n|---|---|---|---|\n"
THRESHOLDS = """
## Numbers

They stand in `alerts/thresholds.py`; `make docs` writes the files anew.

| name | value | meaning |
|---|---|---|
"""
RECORDED = """
## Recorded

The dashboards compute these themselves. They are recorded for questions over weeks, and for your own alerts and dashboards.

| series | labels | meaning |
|---|---|---|
"""


def reference() -> str:
    groups = [f"\n## {TITLES[group]}\n{TABLE}" + "".join(map(_row, alerts)) for group, alerts in _groups()]
    thresholds = "".join(f"| `{one.name}` | {_number(one)} | {one.metadata['help']} |\n" for one in fields(STANDARD))
    recorded = "".join(dict.fromkeys(map(_recorded, EXPRESSIONS)))
    return HEAD + "".join(groups) + THRESHOLDS + thresholds + RECORDED + recorded


def _groups() -> list[tuple[str, tuple[Alert, ...]]]:
    return list(catalogue(STANDARD).items())


def _row(alert: Alert) -> str:
    page = PurePosixPath(alert.runbook).relative_to("docs")
    says = re.sub(r"{{ \$labels\.(\w+) }}", r"*\1*", alert.summary)
    after = format_duration(alert.hold) if alert.hold else "at once"
    return f"| [{alert.name}]({page}) | {alert.severity} | {says} | {after} |\n"


def _number(threshold: Any) -> str:
    value = getattr(STANDARD, threshold.name)
    match threshold.metadata["unit"]:
        case "s":
            return format_duration(value)
        case "percentunit":
            return f"{value * 100:g} %"
    return f"{value:g}"


def _recorded(expression: Expression) -> str:
    labels = (*expression.labels, *(("quantile",) if isinstance(expression, Quantile) else ()))
    return f"| `{expression.record}` | {', '.join(labels)} | {expression.help} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
