"""Builds the dashboard: `python -m grafana.build > grafana/leadsquared-exporter.json`.

Plain Python and not a builder library: those follow one release of Grafana each, check little more than spelling, and would be
the largest dependency of the project. What they can't check is checked by the tests: that each query parses, names only
declared metrics and labels, and that no panel covers another.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

SCHEMA = 39
WIDTH, HEIGHT = 24, 8
SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
ACCOUNT = 'account=~"$account"'
API = 'account=~"$account",api=~"$api"'
RATE = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Query:
    expression: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """`width` is in 24ths of the page; `kind` is a panel type of Grafana."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Panel] = field(default_factory=tuple)


def quantile(part: float, metric: str, labels: str, by: str = "") -> str:
    return f"histogram_quantile({part}, sum by (le{by}) (rate({metric}_bucket{{{labels}}}[{RATE}])))"


GETTING_THROUGH = Row(
    "Are updates getting through?",
    (
        Panel(
            title="Finished",
            description="Requests that reached a final status, per second.",
            unit="reqps",
            queries=(
                Query(f"sum by (status) (rate(leadsquared_requests_finished_total{{{API}}}[{RATE}]))", "{{status}}"),
            ),
            stacked=True,
        ),
        Panel(
            title="Success",
            description="Part of the finished requests that succeeded. Empty while nothing finishes.",
            unit="percentunit",
            queries=(
                Query(
                    f'sum(rate(leadsquared_requests_finished_total{{{API},status="success"}}[{RATE}]))'
                    f" / sum(rate(leadsquared_requests_finished_total{{{API}}}[{RATE}]))",
                    "success",
                ),
            ),
            highest=1,
        ),
        Panel(
            title="Failures by reason",
            description="First sights of FAILURE or ERROR, by the bounded reason.",
            unit="reqps",
            queries=(
                Query(
                    f"sum by (status, reason) (rate(leadsquared_request_errors_total{{{API}}}[{RATE}]))",
                    "{{status}} {{reason}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            title="Duration",
            description="From submission to finish. Points are exemplars: single requests, by their RequestID.",
            unit="s",
            queries=tuple(
                Query(quantile(part, "leadsquared_request_duration_seconds", API), f"p{part * 100:.0f}")
                for part in (0.5, 0.9, 0.99)
            ),
        ),
        Panel(
            title="Pending by status",
            description="Requests that have not ended, by what their last answer showed.",
            unit="short",
            queries=(Query(f"sum by (status) (leadsquared_requests_pending{{{API}}})", "{{status}}"),),
            stacked=True,
        ),
        Panel(
            title="Pending by last step",
            description="Where the pending requests stand at LeadSquared.",
            unit="short",
            queries=(Query(f"sum by (last_step) (leadsquared_requests_pending{{{API}}})", "{{last_step}}"),),
            stacked=True,
        ),
        Panel(
            title="Stuck",
            description="Pending requests older than polling.stuck_after, by their last step.",
            unit="short",
            queries=(
                Query(
                    f"sum by (account, api, last_step) (leadsquared_requests_stuck{{{API}}})",
                    "{{account}} {{api}} {{last_step}}",
                ),
            ),
        ),
        Panel(
            title="Oldest pending request",
            description="Age of the oldest request that has not ended.",
            unit="s",
            queries=(Query(f"leadsquared_requests_oldest_pending_age_seconds{{{API}}}", "{{account}} {{api}}"),),
        ),
        Panel(
            title="In and out",
            description="Requests taken in, given up, recovered from ERROR, and finished without a known time of submission.",
            unit="reqps",
            queries=(
                Query(
                    f"sum by (source) (rate(leadsquared_requests_discovered_total{{{API}}}[{RATE}]))",
                    "in by {{source}}",
                ),
                Query(
                    f"sum by (cause) (rate(leadsquared_requests_abandoned_total{{{API}}}[{RATE}]))",
                    "given up: {{cause}}",
                ),
                Query(f"sum(rate(leadsquared_requests_recovered_total{{{API}}}[{RATE}]))", "recovered"),
                Query(f"sum(rate(leadsquared_request_durations_unknown_total{{{API}}}[{RATE}]))", "unknown duration"),
            ),
        ),
    ),
)

CALLS = Row(
    "Rate limit and calls",
    (
        Panel(
            title="Used of the rate limit",
            description="Calls in the window now, as a part of those that the exporter may make.",
            unit="percentunit",
            queries=(
                Query(
                    f"leadsquared_rate_limit_used_calls{{{ACCOUNT}}} / leadsquared_rate_limit_calls{{{ACCOUNT}}}",
                    "{{account}} {{window}}",
                ),
            ),
            highest=1,
        ),
        Panel(
            title="Calls by answer",
            description="Calls to LeadSquared by HTTP status; 429, 401 and 403 slow or stop an account.",
            unit="reqps",
            queries=(Query(f"sum by (code) (rate(leadsquared_api_calls_total{{{ACCOUNT}}}[{RATE}])) > 0", "{{code}}"),),
            stacked=True,
        ),
        Panel(
            title="Call errors",
            description="Calls that brought nothing usable, errors inside a 200 included.",
            unit="reqps",
            queries=(
                Query(
                    f"sum by (endpoint, kind) (rate(leadsquared_api_errors_total{{{ACCOUNT}}}[{RATE}])) > 0",
                    "{{endpoint}} {{kind}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            title="Poll staleness",
            description="The longest time since an unfinished request was asked about. It grows when the budget is too small.",
            unit="s",
            queries=(Query(f"leadsquared_poll_staleness_seconds{{{API}}}", "{{account}} {{api}}"),),
        ),
        Panel(
            title="Detection window",
            description="How far a duration can be off.",
            unit="s",
            queries=tuple(
                Query(quantile(part, "leadsquared_request_detection_window_seconds", API), f"p{part * 100:.0f}")
                for part in (0.5, 0.9)
            ),
        ),
        Panel(
            title="Polls by outcome",
            description="What the polls brought; many that are unchanged mean that LeadSquared is slower than usual.",
            unit="reqps",
            queries=(Query(f"sum by (outcome) (rate(leadsquared_polls_total{{{API}}}[{RATE}]))", "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            title="Call time",
            description="Nine of ten calls are faster.",
            unit="s",
            queries=(
                Query(quantile(0.9, "leadsquared_api_call_duration_seconds", ACCOUNT, ", endpoint"), "{{endpoint}}"),
            ),
        ),
        Panel(
            title="Waiting for the budget and pace",
            description="Part of the time that a due poll waited; part of the allowed calls in use after a 429.",
            unit="percentunit",
            queries=(
                Query(f"rate(leadsquared_rate_limit_wait_seconds_total{{{ACCOUNT}}}[{RATE}])", "{{account}} waiting"),
                Query(f"leadsquared_account_pace_ratio{{{ACCOUNT}}}", "{{account}} pace"),
            ),
        ),
        Panel(
            title="Accounts that are not called freely",
            description="The state of an account that is paused, backing off, probing or unauthorized; empty when all is well.",
            unit="short",
            queries=(
                Query(f'leadsquared_account_breaker_state{{{ACCOUNT},state!="closed"}} == 1', "{{account}} {{state}}"),
            ),
        ),
    ),
)

QUEUE = Row(
    "Queue at LeadSquared",
    (
        Panel(
            title="Messages waiting",
            description="What LeadSquared says of its own queue; absent where its metrics API does not answer.",
            unit="short",
            queries=(Query(f"leadsquared_queue_pending_messages{{{API}}}", "{{account}} {{api}}"),),
        ),
        Panel(
            title="Longest delay",
            description="What LeadSquared says of its own queue; absent where its metrics API does not answer.",
            unit="s",
            queries=(Query(f"leadsquared_queue_max_delay_seconds{{{API}}}", "{{account}} {{api}}"),),
        ),
        Panel(
            title="Processed",
            description="What LeadSquared says of its own queue; absent where its metrics API does not answer.",
            unit="reqps",
            queries=(Query(f"leadsquared_queue_processed_messages_per_second{{{API}}}", "{{account}} {{api}}"),),
        ),
    ),
)

EXPORTER = Row(
    "Exporter",
    (
        Panel(
            title="Up",
            description="Accounts, sources and store that work.",
            unit="short",
            kind="stat",
            queries=(
                Query(f"min(leadsquared_account_up{{{ACCOUNT}}})", "accounts"),
                Query("min(leadsquared_exporter_source_up)", "sources"),
                Query("min(leadsquared_exporter_store_up)", "store"),
                Query("min(leadsquared_exporter_config_last_reload_successful)", "configuration"),
            ),
        ),
        Panel(
            title="Last success",
            description="Time since the last usable answer of each account.",
            unit="s",
            queries=(
                Query(f"time() - (leadsquared_account_last_success_timestamp_seconds{{{ACCOUNT}}} > 0)", "{{account}}"),
            ),
        ),
        Panel(
            title="Store commits",
            description="How long transactions take until they are durable.",
            unit="s",
            queries=tuple(
                Query(
                    f"histogram_quantile({part}, sum by (le) (rate(leadsquared_exporter_store_commit_seconds_bucket[{RATE}])))",
                    f"p{part * 100:.0f}",
                )
                for part in (0.5, 0.99)
            ),
        ),
        Panel(
            title="Event loop lag",
            description="How late the event loop was, at worst.",
            unit="s",
            queries=(Query("leadsquared_exporter_event_loop_lag_seconds", "{{instance}}"),),
        ),
        Panel(
            title="Memory",
            description="Resident memory of the process.",
            unit="bytes",
            queries=(
                Query(
                    "process_resident_memory_bytes * on (job, instance) group_left () leadsquared_exporter_build_info",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            title="Undurable and failed",
            description="Changes that wait for the store; failures of sources and unrecorded submissions, per second.",
            unit="short",
            queries=(
                Query("leadsquared_exporter_journal_changes", "changes waiting"),
                Query(
                    f"sum by (source) (rate(leadsquared_exporter_source_errors_total[{RATE}]))", "errors of {{source}}"
                ),
                Query(f"sum(rate(leadsquared_gateway_unrecorded_total{{{ACCOUNT}}}[{RATE}]))", "unrecorded"),
            ),
        ),
    ),
)

ROWS = (GETTING_THROUGH, CALLS, QUEUE, EXPORTER)


def dashboard() -> Json:
    return {
        "uid": "leadsquared-exporter",
        "title": "LeadSquared exporter",
        "description": "Asynchronous requests at LeadSquared: are they getting through, and what does watching them cost?",
        "tags": ["leadsquared"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": variables()},
        "panels": panels(),
    }


def variables() -> list[Json]:
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        _choice("account", "Account", "label_values(leadsquared_account_up, account)"),
        _choice("api", "API", f"label_values(leadsquared_poll_staleness_seconds{{{ACCOUNT}}}, api)"),
    ]


def _choice(name: str, label: str, query: str) -> Json:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def panels() -> list[Json]:
    """All rows from top to bottom, panels from left to right."""
    built: list[Json] = []
    top = 0
    for row in ROWS:
        built.append(
            {
                "id": len(built) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "panels": [],
                **_at(0, top, WIDTH, 1),
            }
        )
        top += 1
        left = 0
        for one in row.panels:
            if left + one.width > WIDTH:
                left, top = 0, top + HEIGHT
            built.append({"id": len(built) + 1, **_panel(one), **_at(left, top, one.width, HEIGHT)})
            left += one.width
        top += HEIGHT
    return built


def _at(left: int, top: int, width: int, height: int) -> Json:
    return {"gridPos": {"x": left, "y": top, "w": width, "h": height}}


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "targets": [_target(index, query) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(index: int, query: Query) -> Json:
    return {
        "refId": chr(ord("A") + index),
        "datasource": SOURCE,
        "expr": query.expression,
        "legendFormat": query.legend,
        "exemplar": "leadsquared_request_duration_seconds_bucket" in query.expression,
    }


def _defaults(panel: Panel) -> Json:
    defaults: Json = {"unit": panel.unit, "min": 0}
    if panel.highest is not None:
        defaults["max"] = panel.highest
    if panel.kind == "timeseries":
        stacking = "normal" if panel.stacked else "none"
        defaults["custom"] = {"fillOpacity": 25 if panel.stacked else 0, "stacking": {"mode": stacking, "group": "A"}}
    return defaults


def _options(panel: Panel) -> Json:
    if panel.kind != "timeseries":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def text() -> str:
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
