import re
from dataclasses import fields
from itertools import chain

import pytest

from alerts.alert import PREFIX, Alert
from alerts.catalogue import ALERTS, catalogue
from alerts.site import LABELS, Site
from alerts.thresholds import STANDARD, Thresholds
from exporter.config.settings import Polling
from exporter.simulator.queue import RETRY_WAITS
from tests.promql import undeclared

KEYS = [alert.key for alert in ALERTS]


@pytest.mark.parametrize("alert", ALERTS, ids=KEYS)
def test_an_alert_names_only_declared_metrics_and_labels(alert: Alert) -> None:
    assert undeclared(alert.expression) == []


@pytest.mark.parametrize("alert", ALERTS, ids=KEYS)
def test_an_alert_is_added_up_by_what_it_is_about_and_by_no_other_label(alert: Alert) -> None:
    """A label that the scraper adds, such as the node, would part what belongs together."""
    kept = re.findall(r"(?:sum|max|min|count|group) by \(([^)]*)\)", alert.expression)
    assert kept
    assert [one for one in kept if not one.startswith(", ".join(LABELS))] == []
    assert " without " not in alert.expression


@pytest.mark.parametrize("alert", ALERTS, ids=KEYS)
def test_an_alert_says_when_it_is_silent_on_purpose(alert: Alert) -> None:
    assert re.fullmatch(r"[a-z0-9].+\.", alert.silent)


@pytest.mark.parametrize("alert", ALERTS, ids=KEYS)
def test_a_selector_narrows_every_sample_of_an_alert(alert: Alert) -> None:
    site = Site(selector='job="crm"')
    (narrowed,) = [
        one
        for one in chain.from_iterable(catalogue(STANDARD, site).values())
        if (one.name, one.severity) == (alert.name, alert.severity)
    ]
    names = re.findall(r"\b(?:leadsquared_\w+|up|ALERTS)\b(?![\"=])", narrowed.expression)
    assert names
    assert narrowed.expression.count('{job="crm"') == len(names)


def test_each_rule_has_its_own_key_and_the_common_beginning() -> None:
    assert len(set(KEYS)) == len(KEYS)
    assert [alert.name for alert in ALERTS if not re.fullmatch(rf"{PREFIX}([A-Z][a-z]+)+", alert.name)] == []


def test_thresholds_fit_what_the_vendor_and_the_exporter_do_by_default() -> None:
    assert sum(RETRY_WAITS) < STANDARD.retries.value < Polling().give_up_after
    assert STANDARD.stale.value == 1.5 * Polling().max_staleness
    assert STANDARD.asked_again.value == Polling().max_staleness


def test_hastened_rules_are_the_same_with_shorter_times() -> None:
    hastened = Thresholds().hastened(60.0)
    rules = tuple(chain.from_iterable(catalogue(hastened).values()))
    assert [alert.key for alert in rules] == KEYS
    assert [alert.hold.value for alert in rules] == [alert.hold.value / 60 for alert in ALERTS]
    stuck, burst = (
        alert.expression for alert in rules if alert.name in ("LeadSquaredRequestsStuck", "LeadSquaredRateLimited")
    )
    assert "(leadsquared_poll_staleness_seconds) <= 45\n" in stuck
    assert "[15s]" in burst


def test_hastened_thresholds_leave_alone_what_others_take() -> None:
    hastened = Thresholds().hastened(60.0)
    same = {one.name for one in fields(Thresholds) if getattr(hastened, one.name) == getattr(STANDARD, one.name)}
    assert same == {
        "fast_failing", "slow_failing", "steady_failing", "few", "erring", "waiting", "daily", "refused", "unnoticed", "backlog"
    }  # fmt: skip
