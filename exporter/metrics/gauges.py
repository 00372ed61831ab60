"""The gauges of the accounts, as series."""

from collections.abc import Iterable

from exporter.core.ledger import Labels
from exporter.metrics import families as f
from exporter.metrics.families import Family
from exporter.metrics.snapshot import AccountView, ApiView

Gauges = dict[Family, dict[Labels, float]]

SHOWN = (
    f.PENDING,
    f.STUCK,
    f.OLDEST,
    f.UP,
    f.LAST_SUCCESS,
    f.BREAKER,
    f.PACE,
    f.LIMIT,
    f.LIMIT_WINDOW,
    f.LIMIT_USED,
    f.STALENESS,
    f.UNDETECTED,
    f.UNDETECTED_ERROR,
    f.QUEUE_PENDING,
    f.QUEUE_DELAY,
    f.QUEUE_RATE,
)


def account_gauges(views: Iterable[AccountView]) -> Gauges:
    """By family and labels; nothing at all without views."""
    values: Gauges = {}
    for view in views:
        values = values or {family: {} for family in SHOWN}
        _show_account(values, view)
    return values


def _show_account(values: Gauges, view: AccountView) -> None:
    account = view.account
    if view.up is not None:
        values[f.UP][account,] = view.up
    values[f.LAST_SUCCESS][account,] = view.last_success or 0.0
    values[f.PACE][account,] = view.pace
    for state in f.BREAKER_STATES:
        values[f.BREAKER][account, state] = state == view.breaker
    for window in view.windows:
        values[f.LIMIT][account, window.name] = window.allowed
        values[f.LIMIT_WINDOW][account, window.name] = window.seconds
        values[f.LIMIT_USED][account, window.name] = window.used
    for api in view.apis:
        _show_api(values, account, api)


def _show_api(values: Gauges, account: str, view: ApiView) -> None:
    labels = (account, view.api)
    for status in ("unknown", "in_queue"):
        values[f.PENDING][*labels, status, "none", "none"] = 0
    for progress, count in view.pending.items():
        values[f.PENDING][*labels, *progress] = count
    values[f.STUCK][*labels, "none"] = 0
    for last_step, count in view.stuck.items():
        values[f.STUCK][*labels, last_step] = count
    values[f.OLDEST][labels] = view.oldest_age
    if view.staleness is not None:
        values[f.STALENESS][labels] = view.staleness
    if view.undetected is not None:
        values[f.UNDETECTED][labels] = view.undetected.requests
        values[f.UNDETECTED_ERROR][labels] = view.undetected.error
    if view.queue is not None:
        figures = (view.queue.pending, view.queue.max_delay, view.queue.per_second)
        for family, figure in zip((f.QUEUE_PENDING, f.QUEUE_DELAY, f.QUEUE_RATE), figures, strict=True):
            if figure is not None:
                values[family][labels] = figure
