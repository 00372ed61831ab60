"""docs/alerts.md, out of the declaration: `python -m alerts.reference > docs/alerts.md`."""

import re
import sys
from dataclasses import fields
from typing import Any

from alerts.alert import Alert
from alerts.catalogue import catalogue
from alerts.expressions import EXPRESSIONS, Expression, Quantile
from alerts.thresholds import STANDARD, Number

HEAD = """# Alerts

Generated from `alerts/`. `alerts/leadsquared-exporter.rules.yaml` is for Prometheus 2.42 or newer, and for whatever reads its
rules:

```yaml
rule_files: [leadsquared-exporter.rules.yaml]
```

`alerts/grafana/leadsquared-exporter.yaml` has the same alerts for Grafana's provisioning (`/etc/grafana/provisioning/alerting`).
The environment variable `PROMETHEUS_UID` names the data source there (`prometheus` with `grafana/provisioning`); contact points and
policies are yours. Where Prometheus does not answer Grafana, `LeadSquaredExporterDown` alone says so. Alerts keep firing for a
while after their end from Grafana 12 on.

`severity` is what to route by. **critical**: updates are being lost or nothing watches them, so wake an operator. **warning**: look
into it today. **ticket**: look into it this week. `runbook_url` leads to the alert's page here, and `list_url` to the page of the
exporter that lists what the alert is about.

No job's name has to be configured. None of them fires for a healthy or an idle exporter, however busy, nor for a restart.
Trouble is told once: where the exporter has not asked, nothing is said to be stuck; where the key is refused, the account is not
also said to be down. What excuses one process excuses no other: of twenty sidecars each is looked at by itself.

## Yours

Both files are written for an exporter at `http://localhost:10040`. With your own addresses, numbers and targets:

```console
make rules RULES="--exporter-url=https://leadsquared.example.com --set=stale=90m"
```

writes both to `build/`. `--exporter-url` is the exporter's `--web.external-url`: its pages, and the runbooks that it serves.
`--runbooks-url` is for a copy of them elsewhere (`https://wiki.example.com/{alert}`). `--set` changes one of the
[numbers](#numbers), `--selector` narrows all rules to targets (`--selector='job="leadsquared",namespace="crm"'`), and then an
exporter that was never there is told with these labels. Series are added up over everything but `cluster`, `namespace` and `job`;
`--label=team` keeps one more label of the targets. The chart has the same as [values](kubernetes-values.md): `prometheusRule.*`.

## Together

One trouble should not ring twice. A critical alert silences the warning and the ticket of the same name about the same account and
API; in Alertmanager's configuration:

```yaml
inhibit_rules:
  - source_matchers: ['alertname =~ "LeadSquared.+"', 'severity = "critical"']
    target_matchers: ['alertname =~ "LeadSquared.+"', 'severity =~ "warning|ticket"']
    equal: [alertname, cluster, namespace, job, account, api]
  - source_matchers: ['alertname =~ "LeadSquared.+"', 'severity = "warning"']
    target_matchers: ['alertname =~ "LeadSquared.+"', 'severity = "ticket"']
    equal: [alertname, cluster, namespace, job, account, api]
```

The chart makes an `AlertmanagerConfig` of it (`prometheusRule.inhibit`). The rules of kube-prometheus inhibit by `namespace` and
`alertname` alone: there, a critical alert of one account hides the warnings of the same name of all others in its namespace.
"""
TITLES = {"updates": "Updates", "accounts": "LeadSquared, accounts and budgets", "exporter": "The exporter"}
TABLE = "\n| alert | severity | says | after | silent on purpose |\n|---|---|---|---|---|\n"
THRESHOLDS = """
## Numbers

Each can be changed by its name: with `make rules` as [above](#yours), or with the chart's `prometheusRule.thresholds`.

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
    says = re.sub(r"{{ \$labels\.(\w+) }}", r"*\1*", alert.summary)
    after = alert.hold.span if alert.hold.value else "at once"
    return f"| [{alert.name}](runbooks/{alert.name}.md) | {alert.severity} | {says} | {after} | {alert.silent} |\n"


def _number(threshold: Any) -> str:
    value: Number = getattr(STANDARD, threshold.name)
    match threshold.metadata["unit"]:
        case "s":
            return value.span
        case "percentunit":
            return value.percent
    return str(value)


def _recorded(expression: Expression) -> str:
    labels = (*expression.labels, *(("quantile",) if isinstance(expression, Quantile) else ()))
    return f"| `{expression.record}` | {', '.join(labels)} | {expression.help} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
