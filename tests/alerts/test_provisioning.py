"""What Grafana reads; there is no Grafana here to read it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.catalogue import ALERTS
from alerts.provisioning import provisioning

FILE = Path(__file__).parents[2] / "alerts" / "grafana" / "leadsquared-exporter.yaml"


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(provisioning())["groups"] for rule in group["rules"]]


def test_the_file_is_what_the_code_builds() -> None:
    assert FILE.read_text(encoding="utf-8") == provisioning()


def test_the_same_alerts_are_there_as_for_prometheus() -> None:
    found = [(rule["data"][0]["model"]["expr"], rule["labels"]["severity"]) for rule in rules()]
    assert sorted(found) == sorted((alert.expression, alert.severity) for alert in ALERTS)


def test_identifiers_and_titles_are_unique_and_such_as_grafana_takes() -> None:
    for key in ("uid", "title"):
        values = [rule[key] for rule in rules()]
        assert len(set(values)) == len(values)
    assert [rule["uid"] for rule in rules() if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", rule["uid"])] == []


def test_only_the_data_source_is_left_to_the_environment() -> None:
    text = re.sub(r"is_\w+\(\$A\)", "", provisioning())
    assert set(re.findall(r"\$\S*", text)) == {"${PROMETHEUS_UID}"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["uid"]))
def test_a_rule_is_about_whether_there_is_a_sample_whatever_its_value(rule: dict[str, Any]) -> None:
    query, there, above = rule["data"]
    assert (query["datasourceUid"], there["datasourceUid"]) == ("${PROMETHEUS_UID}", "__expr__")
    assert there["model"]["expression"].startswith("is_number($A)")
    assert (above["model"]["expression"], rule["condition"], rule["noDataState"]) == ("B", "C", "OK")


def test_without_an_answer_of_prometheus_one_alert_says_so_and_the_others_stay() -> None:
    told = {rule["title"] for rule in rules() if rule["execErrState"] == "Error"}
    assert told == {"LeadSquaredExporterDown"}
    assert {rule["execErrState"] for rule in rules()} == {"Error", "KeepLast"}


def test_an_alert_goes_on_for_as_long_as_in_prometheus() -> None:
    lingering = {(rule["keepFiringFor"], rule["missingSeriesEvalsToResolve"]) for rule in rules()}
    assert lingering == {("5m", 5), ("5m", 2), ("20m", 2)}
