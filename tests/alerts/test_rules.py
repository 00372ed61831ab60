"""The rules as promtool evaluates them, on a healthy exporter and on everything that may look like trouble."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.catalogue import ALERTS
from alerts.rules import main, rules
from alerts.site import LABELS, Site
from tests.alerts.scenes import HEALTHY, SCENES, STUCK, Scene, on_two_nodes

RULES = Path(__file__).parents[2] / "alerts" / "leadsquared-exporter.rules.yaml"
NOTICES = Path(__file__).with_name("notices.yaml")
FIRING = 'count by (alertname, severity) (ALERTS{alertstate="firing"})'
SEVERITIES = {alert.name: str(alert.severity) for alert in ALERTS}


def expected(names: frozenset[str]) -> list[dict[str, Any]]:
    """`A/warning` is the alert of that severity, `A@2` two of it."""
    counts = {name.partition("@")[0]: int(name.partition("@")[2] or "1") for name in sorted(names)}
    pairs = ((*name.partition("/"), count) for name, count in counts.items())
    found = [(name, severity or SEVERITIES[name], count) for name, _, severity, count in pairs]
    return [
        {"labels": f'{{alertname="{name}", severity="{severity}"}}', "value": count}
        for name, severity, count in sorted(found)
    ]


def checks(scene: Scene) -> dict[str, Any]:
    return {
        "interval": f"{scene.step}m",
        "input_series": [{"series": name, "values": values} for name, values in scene.series.items()],
        "promql_expr_test": [
            {"expr": FIRING, "eval_time": f"{minute}m", "exp_samples": expected(names)}
            for minute, names in scene.firing.items()
        ],
    }


def rule_file(folder: Path, *, recording: bool, content: str) -> Path:
    """The alerts or the other half: evaluating both for every scene would take twice the time."""
    groups = yaml.safe_load(content or RULES.read_text(encoding="utf-8"))["groups"]
    path = folder / "rules.yaml"
    path.write_text(json.dumps({"groups": [one for one in groups if one["name"].endswith(".recording") == recording]}))
    return path


def promtool(folder: Path, *tests: dict[str, Any], recording: bool = False, content: str = "") -> str:
    """What it complains of; with the shipped rules unless others are given."""
    rule_files = [str(rule_file(folder, recording=recording, content=content))]
    asked = {"rule_files": rule_files, "evaluation_interval": tests[0]["interval"], "tests": tests}
    (folder / "rules.test.yaml").write_text(json.dumps(asked))
    command = ("promtool", "test", "rules", str(folder / "rules.test.yaml"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_file_is_what_the_code_builds_and_promtool_has_nothing_to_say() -> None:
    assert RULES.read_text(encoding="utf-8") == rules()
    checked = subprocess.run(("promtool", "check", "rules", str(RULES)), capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", SCENES)
def test_these_alerts_fire_and_no_others(name: str, tmp_path: Path) -> None:
    assert promtool(tmp_path, checks(SCENES[name])) == ""


def test_every_alert_fires_somewhere_and_is_silent_again() -> None:
    fired: Counter[str] = Counter()
    for scene in SCENES.values():
        ever = frozenset[str]().union(*scene.firing.values())
        last = scene.firing[max(scene.firing)]
        fired.update(ever - last)
    assert {re.split("[/@]", name)[0] for name in fired} == {alert.name for alert in ALERTS}


def notices() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(NOTICES.read_text(encoding="utf-8"))
    return found


def told(name: str, scene: str) -> dict[str, Any]:
    """The check of all alerts of a name in a scene, at the minute that the notices name."""
    mine = [one for one in notices() if (one["alert"], one["scene"]) == (name, scene)]
    alerts = [
        {
            "exp_labels": {**one["labels"], "severity": one["severity"]},
            "exp_annotations": {
                "summary": one["summary"],
                "description": one["description"],
                "list_url": one["list"],
                "runbook_url": f"http://localhost:10040/runbooks/{name}",
            },
        }
        for one in mine
    ]
    minute = f"{mine[0]['minute']}m"
    return {
        **checks(Scene(series=SCENES[scene].series, firing={}, step=SCENES[scene].step)),
        "alert_rule_test": [{"eval_time": minute, "alertname": name, "exp_alerts": alerts}],
    }


def test_an_operator_reads_what_the_notices_say(tmp_path: Path) -> None:
    assert {(one["alert"], one["severity"]) for one in notices()} == {(one.name, str(one.severity)) for one in ALERTS}
    checked: dict[str, list[dict[str, Any]]] = {}
    for name, scene in {(one["alert"], one["scene"]): None for one in notices()}:
        test = told(name, scene)
        checked.setdefault(test["interval"], []).append(test)
    assert [promtool(tmp_path, *tests) for tests in checked.values()] == [""] * len(checked)


def test_an_exporter_that_never_was_is_told_by_the_labels_of_the_selector(tmp_path: Path) -> None:
    labels = (
        '{alertname="LeadSquaredExporterDown", alertstate="firing", job="watch", namespace="crm", severity="critical"}'
    )
    expected = [{"labels": f"ALERTS{labels}", "value": 1}]
    test = {
        **checks(Scene(series=HEALTHY, firing={})),
        "promql_expr_test": [{"expr": "ALERTS", "eval_time": "8m", "exp_samples": expected}],
    }
    narrowed = rules(site=Site(selector='job="watch",namespace="crm"'))
    assert promtool(tmp_path, test, content=narrowed) == ""


def test_one_more_label_of_the_targets_parts_what_the_alerts_add_up(tmp_path: Path) -> None:
    scene = Scene(series=on_two_nodes({STUCK: "4x90"}), firing={40: frozenset({"LeadSquaredRequestsStuck@2"})})
    assert promtool(tmp_path, checks(scene), content=rules(site=Site(labels=(*LABELS, "node")))) == ""


def test_ratios_and_quantiles_are_recorded(tmp_path: Path) -> None:
    """In thousandths: versions of Prometheus differ in the last bits."""
    update, account = 'account="acme",api="lead_update",job="leadsquared"', 'account="acme",job="leadsquared"'
    recorded = (
        ("account_api:leadsquared_requests_finished:success_ratio_rate5m", update, 995),
        ("account_api:leadsquared_requests_finished:failure_ratio_rate5m", update, 5),
        (
            'account_api:leadsquared_request_detection_window_seconds:quantile_rate5m{quantile="0.9"}',
            f'{update},quantile="0.9"',
            270_000,
        ),
        ('account_window:leadsquared_rate_limit_used_calls:ratio{window="daily"}', f'{account},window="daily"', 800),
        ("account:leadsquared_rate_limit_wait_seconds:ratio_rate5m", account, 917),
    )
    samples = [
        {
            "expr": f"round(1000 * {series})",
            "eval_time": "30m",
            "exp_samples": [{"labels": f"{{{labels}}}", "value": value}],
        }
        for series, labels, value in recorded
    ]
    test = {**checks(Scene(series=HEALTHY, firing={})), "promql_expr_test": samples}
    assert promtool(tmp_path, test, recording=True) == ""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("--set=stale=abc", "argument --set: stale must be a duration such as 45m"),
        ("--set=refused=much", "argument --set: refused must be a number such as 0.05"),
        ("--set=nonsense=1", "argument --set: no number 'nonsense'; docs/alerts.md lists them"),
        ("--label=a-b", "argument --label: no label: 'a-b'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(given: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([given])
    assert capsys.readouterr().err.endswith(f"error: {told}\n")
