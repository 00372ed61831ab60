"""The compose stack, up: every part finds the others."""

from functools import partial
from typing import Any

import pytest

from tests.container.stack import Stack
from tests.e2e.processes import eventually, fetch, fetch_json

pytestmark = pytest.mark.heavy


def targets(stack: Stack) -> dict[str, str]:
    found = fetch_json(f"{stack.url('prometheus')}/api/v1/targets")["data"]["activeTargets"]
    return {one["labels"]["instance"]: one["health"] for one in found}


def rules(stack: Stack) -> list[dict[str, Any]]:
    groups = fetch_json(f"{stack.url('prometheus')}/api/v1/rules")["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_part_is_up_and_prometheus_scrapes_the_exporter(stack: Stack) -> None:
    for url in (f"{stack.url(service)}/-/ready" for service in ("exporter", "prometheus", "alertmanager")):
        eventually(partial(fetch, url), fits=bool)

    assert eventually(lambda: targets(stack), fits=lambda found: found == {"exporter:10040": "up"})


def test_what_the_application_submits_through_the_gateway_reaches_prometheus(stack: Stack) -> None:
    counted = "sum by (account) (leadsquared_requests_discovered_total)"

    assert eventually(lambda: stack.query(counted), fits=lambda found: found.get("demo", 0) > 0).keys() == {"demo"}


def test_every_rule_can_be_evaluated(stack: Stack) -> None:
    found = eventually(
        lambda: rules(stack), fits=lambda rules: rules != [] and all(rule["health"] != "unknown" for rule in rules)
    )

    assert {rule["health"] for rule in found} == {"ok"}
