"""docs/dashboards.md: `python -m grafana.reference`. What each panel answers is its own description."""

import sys
from collections.abc import Iterator

from grafana.build import DASHBOARDS
from grafana.dashboard import Dashboard
from grafana.pictures.scene import EVENTS, MINUTES

INTRODUCTION = """\
# Dashboards

Three dashboards for Grafana 11.6 or newer. They need the exporter's metrics in a Prometheus and nothing else: no recording
rules, no plug-ins.

| dashboard | file | answers |
|---|---|---|
{contents}

At the top of each: the data source, the cluster, namespace, job and instance that are scraped, the accounts and APIs, links to the
other two that keep these and the time, and the address at which your browser reaches the exporter's own page. Clicks on what is
pending, stuck or failed lead there, to the RequestIDs; no metric has them. Vertical lines mark restarts (orange) and reloads of the
configuration (blue).

## How to get them

By hand: *Dashboards → New → Import* in Grafana, once for each of the files.

Provisioned: `grafana/provisioning` goes to Grafana's `/etc/grafana/provisioning`, the three files to
`/var/lib/grafana/dashboards/leadsquared`. The environment of Grafana has `PROMETHEUS_URL`, as Grafana reaches Prometheus, and
`EXPORTER_URL`, as your browser reaches the exporter. The files lead to `http://localhost:10040`, until you type another address at
the top; `make dashboards EXPORTER=https://leadsquared.example.com` writes them to `build/dashboards` with yours, and the chart puts
its `web.externalUrl` in. The uid of the data source is `prometheus`: the `PROMETHEUS_UID` of the
[alerts](alerts.md).

The dots on the panel *Duration* are exemplars: single requests. Prometheus keeps them with
`--enable-feature=exemplar-storage`. For a click on one to lead to its page, the data source has an exemplar link, as the
provisioned one has: the label `request_id`, the URL `http://localhost:10040/requests/${{__value.raw}}`.

The files are built by `grafana/*.py`, and `make test` compares them. The queries of ratios and quantiles, and the numbers at which
colours change, are those of the alerts. Tests hold every query to the declared metrics, every file to the types that Grafana
publishes, and every panel to data: a Prometheus that scrapes the demo has to have numbers for each query (`make heavy`).

## What the pictures show

`make pictures` makes them. It runs two simulated LeadSquareds, an application for each, the exporter and a Prometheus for 15
minutes, lets things go wrong meanwhile, and draws the files, over what Prometheus has, with the panels of Grafana's own
library (`@grafana/ui`). Grafana does not publish its heatmap: of that the cells are drawn by us, on Grafana's axes. It needs
npm, Node.js 20.19 or newer, and Chromium. In this quarter of an hour

{events}

LeadSquared's retries come 20 times as soon for acme and 8 times for globex, and `stuck_after` is 2 minutes.
"""


def page() -> str:
    listed = "\n".join(
        f"| [{one.title}](#{_anchor(one.title)}) | `grafana/{one.uid}.json` | {one.description} |"
        for one in DASHBOARDS.values()
    )
    events = "\n".join(f"- {event.told} ({event.part * MINUTES:.3g} min)" for event in EVENTS if event.told)
    return "\n".join(
        (INTRODUCTION.format(contents=listed, events=events), *(_section(one) for one in DASHBOARDS.values()))
    )


def _section(dashboard: Dashboard) -> str:
    picture = f"![{dashboard.title}](pictures/{dashboard.uid}.png)"
    return "\n".join((f"## {dashboard.title}\n", f"{picture}\n", *_tables(dashboard)))


def _tables(dashboard: Dashboard) -> Iterator[str]:
    for row in dashboard.rows:
        yield f"### {row.title}\n\n| panel | shows |\n|---|---|"
        yield from (f"| {panel.title} | {panel.description} |" for panel in row.panels)
        yield ""


def _anchor(title: str) -> str:
    return title.lower().replace(":", "").replace(" ", "-")


if __name__ == "__main__":
    sys.stdout.write(page())
