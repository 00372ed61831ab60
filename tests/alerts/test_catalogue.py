import re
from dataclasses import fields
from itertools import chain

import pytest

from alerts.alert import PREFIX, Alert
from alerts.catalogue import ALERTS, catalogue
from alerts.expressions import REPLACED
from alerts.thresholds import STANDARD, Thresholds
from exporter.config.settings import Polling
from exporter.simulator.queue import RETRY_WAITS
from tests.promql import undeclared

KEYS = [alert.key for alert in ALERTS]


@pytest.mark.parametrize("alert", ALERTS, ids=KEYS)
def test_an_alert_names_only_declared_metrics_and_labels(alert: Alert) -> None:
    assert undeclared(alert.expression) == []


@pytest.mark.parametrize("alert", ALERTS, ids=KEYS)
def test_an_alert_does_not_begin_anew_with_another_pod(alert: Alert) -> None:
    kept = re.findall(r"(?:sum|max|min) without \(([^)]*)\)", alert.expression)
    assert kept or alert.name == "LeadSquaredExporterDown"
    assert [one for one in kept if not one.startswith(", ".join(REPLACED))] == []


def test_each_rule_has_its_own_key_and_the_common_beginning() -> None:
    assert len(set(KEYS)) == len(KEYS)
    assert [alert.name for alert in ALERTS if not re.fullmatch(rf"{PREFIX}([A-Z][a-z]+)+", alert.name)] == []


def test_thresholds_fit_what_the_vendor_and_the_exporter_do_by_default() -> None:
    assert sum(RETRY_WAITS) < STANDARD.retries < Polling().give_up_after
    assert STANDARD.stale == 1.5 * Polling().max_staleness
    assert STANDARD.asked_again == Polling().max_staleness


def test_hastened_rules_are_the_same_with_shorter_times() -> None:
    hastened = Thresholds().hastened(60.0)
    rules = tuple(chain.from_iterable(catalogue(hastened).values()))
    assert [alert.key for alert in rules] == KEYS
    assert [alert.hold for alert in rules] == [alert.hold / 60 for alert in ALERTS]
    stuck, *_, burst = (
        alert.expression for alert in rules if alert.name in ("LeadSquaredRequestsStuck", "LeadSquaredRateLimited")
    )
    assert "(leadsquared_poll_staleness_seconds) <= 45\n" in stuck
    assert "[15s]" in burst


def test_hastened_thresholds_leave_alone_what_others_take() -> None:
    hastened = Thresholds().hastened(60.0)
    same = {one.name for one in fields(Thresholds) if getattr(hastened, one.name) == getattr(STANDARD, one.name)}
    assert same == {
        "objective", "fast_burn", "slow_burn", "few", "erring", "waiting", "daily", "refused", "unnoticed", "backlog"
    }  # fmt: skip
