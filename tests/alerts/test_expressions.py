import re

import pytest

from alerts.expressions import BUDGET_USED, EXPRESSIONS, RATE_LIMITED_RATIO, SUCCESS_RATIO, Expression
from tests.promql import undeclared

NAMES = [f"{one.record} {one.extra_labels}" for one in EXPRESSIONS]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=NAMES)
def test_an_expression_names_only_declared_metrics_and_labels(expression: Expression) -> None:
    chosen = 'account=~"a|b"' if "account" in expression.labels else ""
    for by in (None, (), expression.labels):
        assert undeclared(expression.promql(selector=chosen, window="1m", by=by)) == []


def test_the_check_refuses_metrics_and_labels_that_are_not_declared() -> None:
    assert undeclared("sum(rate(leadsquared_nonsense_total[5m]))") == ["leadsquared_nonsense_total"]
    assert undeclared('sum by (reason) (leadsquared_requests_pending{step="a"})') == ["reason", "step"]


def test_recorded_series_are_named_by_level_metric_and_operation_and_told_apart() -> None:
    records = [(one.record, tuple(one.extra_labels.items())) for one in EXPRESSIONS]
    assert len(set(records)) == len(records)
    assert [name for name, _ in records if not re.fullmatch(r"[a-z_]+:leadsquared_[a-z_]+:[a-z0-9_]+", name)] == []
    assert SUCCESS_RATIO.record == "account_api:leadsquared_requests_finished:success_ratio_rate5m"


def test_a_dashboard_chooses_selector_window_and_labels() -> None:
    assert RATE_LIMITED_RATIO.promql(selector='account="a"', window="$__rate_interval", by=("account",)) == (
        'sum by (account) (rate(leadsquared_api_errors_total{account="a",kind="rate_limited"}[$__rate_interval])) / '
        '(sum by (account) (rate(leadsquared_api_calls_total{account="a"}[$__rate_interval])) > 0)'
    )


def test_recorded_series_are_added_up_by_what_they_are_about() -> None:
    kept = "sum by (cluster, namespace, job, account, endpoint) (rate(leadsquared_api_errors_total{"
    assert RATE_LIMITED_RATIO.promql().startswith(kept)


def test_a_day_that_one_process_has_used_up_does_not_hide_behind_those_of_others() -> None:
    assert BUDGET_USED.promql(by=("account",)) == (
        "max by (account) (leadsquared_rate_limit_used_calls / (leadsquared_rate_limit_calls > 0))"
    )
