"""The dashboard as code: `python -m grafana.build > grafana/leadsquared-exporter.json`.

Plain typed Python: a dashboard is a few rows of the same three panels, and a builder library would be larger than this file.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PICK = 'account=~"$account",api=~"$api"'
ACCOUNT = 'account=~"$account"'
GATEWAY = f'{ACCOUNT},endpoint="gateway"'
WIDTH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """`queries` are (PromQL, legend); `width` is in 24ths of the page."""

    title: str
    description: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


def rate(metric: str, by: str, pick: str = PICK) -> str:
    return f"sum by ({by}) (rate({metric}{{{pick}}}[$__rate_interval]))"


def quantile(which: float, metric: str, pick: str = PICK) -> str:
    return f"histogram_quantile({which}, sum by (le) (rate({metric}_bucket{{{pick}}}[$__rate_interval])))"


def quantiles(metric: str, pick: str = PICK) -> tuple[tuple[str, str], ...]:
    return tuple((quantile(which, metric, pick), f"p{which * 100:g}") for which in (0.5, 0.9, 0.99))


FINISHED = "leadsquared_requests_finished_total"
SUCCESS_RATIO = (
    f'sum(rate({FINISHED}{{{PICK},status="success"}}[$__rate_interval])) '
    f"/ sum(rate({FINISHED}{{{PICK}}}[$__rate_interval]))"
)
CALLS = "leadsquared_api_calls_total"

ROWS = (
    Row(
        "Are updates getting through?",
        (
            Panel(
                title="Success ratio",
                description="Part of the finished requests that ended in Success.",
                queries=((SUCCESS_RATIO, "success"),),
                unit="percentunit",
                kind="stat",
                width=4,
            ),
            Panel(
                title="Pending",
                description="Requests that have not ended.",
                queries=((f"sum(leadsquared_requests_pending{{{PICK}}})", "pending"),),
                kind="stat",
                width=4,
            ),
            Panel(
                title="Stuck",
                description="Pending requests older than polling.stuck_after.",
                queries=((f"sum(leadsquared_requests_stuck{{{PICK}}})", "stuck"),),
                kind="stat",
                width=4,
            ),
            Panel(
                title="Oldest pending",
                description="Age of the oldest pending request.",
                queries=((f"max(leadsquared_requests_oldest_pending_age_seconds{{{PICK}}})", "oldest"),),
                unit="s",
                kind="stat",
                width=4,
            ),
            Panel(
                title="Accounts up",
                description="1 while the account's key works and LeadSquared answers.",
                queries=((f"leadsquared_account_up{{{ACCOUNT}}}", "{{account}}"),),
                kind="stat",
                width=8,
            ),
            Panel(
                title="Finished by status",
                description="Requests that reached a final status, per second.",
                queries=((rate(FINISHED, "status"), "{{status}}"),),
                unit="reqps",
                stacked=True,
            ),
            Panel(
                title="Failures by reason",
                description="Requests first seen as FAILURE or ERROR, per second.",
                queries=((rate("leadsquared_request_errors_total", "reason"), "{{reason}}"),),
                unit="reqps",
                stacked=True,
            ),
            Panel(
                title="Taken in, abandoned, recovered",
                description="Requests taken in by source, given up by cause, and ERRORs that became Success.",
                queries=(
                    (rate("leadsquared_requests_discovered_total", "source"), "from {{source}}"),
                    (rate("leadsquared_requests_abandoned_total", "cause"), "abandoned: {{cause}}"),
                    (rate("leadsquared_requests_recovered_total", "account"), "recovered in {{account}}"),
                ),
                unit="reqps",
            ),
            Panel(
                title="Duration",
                description="From submission to finish. Exemplars are RequestIDs.",
                queries=quantiles("leadsquared_request_duration_seconds"),
                unit="s",
                exemplars=True,
            ),
            Panel(
                title="Pending by status",
                description="What the last answer showed of the requests that have not ended.",
                queries=(
                    (
                        f"sum by (status, last_step) (leadsquared_requests_pending{{{PICK}}})",
                        "{{status}} {{last_step}}",
                    ),
                ),
                stacked=True,
            ),
            Panel(
                title="Without a duration",
                description="Finished requests whose submission time is unknown, per second.",
                queries=((rate("leadsquared_request_durations_unknown_total", "status"), "{{status}}"),),
                unit="reqps",
            ),
        ),
    ),
    Row(
        "How well do we look?",
        (
            Panel(
                title="Detection window",
                description="Between the last unfinished answer and the finished one: how far a duration can be off.",
                queries=quantiles("leadsquared_request_detection_window_seconds"),
                unit="s",
            ),
            Panel(
                title="Staleness",
                description="The longest time since an unfinished request was polled.",
                queries=((f"max by (account) (leadsquared_poll_staleness_seconds{{{PICK}}})", "{{account}}"),),
                unit="s",
            ),
            Panel(
                title="Finished and not noticed yet",
                description="Unfinished requests that have finished already: an estimate from polls picked at random.",
                queries=(
                    (
                        f"sum by (account) (leadsquared_requests_finished_unnoticed_estimate{{{PICK}}})",
                        "{{account}}",
                    ),
                ),
                unit="short",
            ),
            Panel(
                title="Polls by outcome",
                description="What polls brought, per second.",
                queries=((rate("leadsquared_polls_total", "outcome"), "{{outcome}}"),),
                unit="reqps",
                stacked=True,
            ),
        ),
    ),
    Row(
        "Rate limit and calls",
        (
            Panel(
                title="Budget in use",
                description="Calls in the window now, as a part of those allowed to the exporter.",
                queries=(
                    (
                        f"leadsquared_rate_limit_used_calls{{{ACCOUNT}}} / leadsquared_rate_limit_calls{{{ACCOUNT}}}",
                        "{{account}} {{window}}",
                    ),
                ),
                unit="percentunit",
            ),
            Panel(
                title="Calls by code",
                description="Calls to LeadSquared by HTTP status, timeout or connection error, per second.",
                queries=((rate(CALLS, "endpoint, code", ACCOUNT), "{{endpoint}} {{code}}"),),
                unit="reqps",
                stacked=True,
            ),
            Panel(
                title="Call errors",
                description="Calls that brought no usable answer, errors inside a 200 included, per second.",
                queries=((rate("leadsquared_api_errors_total", "kind", ACCOUNT), "{{kind}}"),),
                unit="reqps",
            ),
            Panel(
                title="Call duration",
                description="Time that calls to LeadSquared took.",
                queries=quantiles("leadsquared_api_call_duration_seconds", ACCOUNT),
                unit="s",
            ),
            Panel(
                title="Waiting for the budget",
                description="Part of the time in which a due poll had to wait, and the pace after a 429.",
                queries=(
                    (rate("leadsquared_rate_limit_wait_seconds_total", "account", ACCOUNT), "waiting {{account}}"),
                    (f"leadsquared_account_pace_ratio{{{ACCOUNT}}}", "pace {{account}}"),
                ),
                unit="percentunit",
            ),
            Panel(
                title="Breaker",
                description="The state of each account: closed is the good one.",
                queries=((f"leadsquared_account_breaker_state{{{ACCOUNT}}} == 1", "{{account}} {{state}}"),),
            ),
        ),
    ),
    Row(
        "The application, through the gateway",
        (
            Panel(
                title="Its calls by code",
                description="What LeadSquared answered the application, per second.",
                queries=((rate(CALLS, "code", GATEWAY), "{{code}}"),),
                unit="reqps",
                stacked=True,
            ),
            Panel(
                title="Its call duration",
                description="Until LeadSquared's answer began.",
                queries=quantiles("leadsquared_api_call_duration_seconds", GATEWAY),
                unit="s",
            ),
            Panel(
                title="Unrecorded, and answered without a call",
                description="Submissions that went through unwatched, or are watched later; status questions that needed no call.",
                queries=(
                    (rate("leadsquared_gateway_unrecorded_total", "account", ACCOUNT), "unrecorded in {{account}}"),
                    (
                        rate("leadsquared_gateway_cached_answers_total", "account", ACCOUNT),
                        "from the cache in {{account}}",
                    ),
                ),
                unit="reqps",
            ),
        ),
    ),
    Row(
        "LeadSquared's queue",
        (
            Panel(
                title="Pending messages",
                description="As LeadSquared says; approximate.",
                queries=((f"leadsquared_queue_pending_messages{{{PICK}}}", "{{account}} {{api}}"),),
            ),
            Panel(
                title="Longest delay",
                description="As LeadSquared says.",
                queries=((f"leadsquared_queue_max_delay_seconds{{{PICK}}}", "{{account}} {{api}}"),),
                unit="s",
            ),
            Panel(
                title="Processed",
                description="Per second over its last 10 minutes, as LeadSquared says.",
                queries=((f"leadsquared_queue_processed_messages_per_second{{{PICK}}}", "{{account}} {{api}}"),),
                unit="reqps",
            ),
        ),
    ),
    Row(
        "Exporter",
        (
            Panel(
                title="Store",
                description="Time of the store's transactions; changes that are not durable yet.",
                queries=(
                    *quantiles("leadsquared_exporter_store_commit_seconds", ""),
                    ("leadsquared_exporter_journal_changes", "not durable yet"),
                ),
                unit="s",
            ),
            Panel(
                title="Event loop lag",
                description="How late the event loop was, at worst.",
                queries=(("leadsquared_exporter_event_loop_lag_seconds", "{{instance}}"),),
                unit="s",
            ),
            Panel(
                title="Memory",
                description="Resident memory of the exporter.",
                queries=(
                    ("process_resident_memory_bytes and on (instance) leadsquared_exporter_build_info", "{{instance}}"),
                ),
                unit="bytes",
            ),
            Panel(
                title="Sources",
                description="1 while a source works; its failures per second.",
                queries=(
                    ("leadsquared_exporter_source_up", "{{source}}"),
                    (
                        "rate(leadsquared_exporter_source_errors_by_kind_total[$__rate_interval])",
                        "{{kind}} at {{source}}",
                    ),
                ),
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    return {
        "uid": "leadsquared-exporter",
        "title": "LeadSquared requests",
        "description": "What became of the asynchronous requests at LeadSquared.",
        "tags": ["leadsquared"],
        "schemaVersion": 41,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _variable("account", ""), _variable("api", 'account=~"$account"')]},
        "panels": list(_panels()),
    }


def _panels() -> Iterable[dict[str, Any]]:
    top, number = 0, 0
    for row in ROWS:
        number += 1
        grid = {"h": 1, "w": WIDTH, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": grid, "panels": []}
        left, top = 0, top + 1
        height = 0
        for panel in row.panels:
            number += 1
            if left + panel.width > WIDTH:
                left, top = 0, top + height
            height = 4 if panel.kind == "stat" else 8
            yield _panel(panel, number, {"h": height, "w": panel.width, "x": left, "y": top})
            left += panel.width
        top += height


def _panel(panel: Panel, number: int, grid: dict[str, int]) -> dict[str, Any]:
    custom = {"fillOpacity": 20 if panel.stacked else 0, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.kind == "timeseries":
        defaults["custom"] = custom
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": grid,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": query,
                "legendFormat": legend,
                "exemplar": panel.exemplars,
            }
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }


def _source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "label": "Data source", "query": "prometheus"}


def _variable(label: str, pick: str) -> dict[str, Any]:
    query = f"label_values(leadsquared_requests_discovered_total{{{pick}}}, {label})"
    return {
        "name": label,
        "type": "query",
        "label": label.capitalize(),
        "datasource": SOURCE,
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dashboard(), indent=2) + "\n")
