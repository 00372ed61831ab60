"""The real process, as those find it that push to it: what it keeps out is counted, and told apart from an outage."""

import json
import signal
import sqlite3
import urllib.error

import pytest

from tests.e2e.processes import eventually, fetch
from tests.e2e.stage import Stage

CONFIGURATION = """\
accounts:
  - {{name: acme, base_url: "http://127.0.0.1:1", api_key: none, rate_limit: {{calls: 1, period: 1h, share: 1}}}}
sources: [{source}]
storage: {{url: "sqlite:///{folder}/state.db", max_pending: 2}}
"""


DISCOVERED = 'leadsquared_requests_discovered_total{account="umbrella",api="lead_update",source="list"}'


def post(stage: Stage, body: str) -> int:
    try:
        fetch(f"{stage.url}/api/v1/requests", data=body.encode(), headers={"Content-Type": "application/json"})
    except urllib.error.HTTPError as error:
        return error.code
    return 202


def push(stage: Stage, *ids: str) -> int:
    return post(stage, json.dumps({"request_ids": ids}))


def state(stage: Stage, name: str) -> tuple[float, dict[str, float]]:
    """Whether the source is up, and the kinds of its errors that there were."""
    labels = f'source="{name}",type="push"'
    family = "leadsquared_exporter_source_errors_by_kind_total{kind="
    kinds = {
        series.split('"')[1]: count
        for series, count in stage.metrics().items()
        if series.startswith(family) and labels in series and count
    }
    assert stage.metrics()[f"leadsquared_exporter_source_errors_total{{{labels}}}"] == sum(kinds.values())
    return stage.metrics()[f"leadsquared_exporter_source_up{{{labels}}}"], kinds


@pytest.mark.parametrize(("source", "name"), [("{type: push, account: acme, name: orders}", "orders"), ("", "push")])
def test_what_is_not_taken_in_is_an_error_and_only_trouble_of_the_exporter_is_an_outage(
    stage: Stage, source: str, name: str
) -> None:
    text = CONFIGURATION.format(source=source, folder=stage.folder)
    (stage.folder / "config.yaml").write_text(text)
    stage.start_exporter()

    bad = [
        '{"request_ids": ["a b"]}',
        "{",
        '{"request_ids": ["a"], "account": "b"}',
        '{"request_ids": ["a"], "api": "b"}',
    ]
    assert [post(stage, body) for body in bad] == [400] * 4
    assert state(stage, name) == (1, {"invalid_entry": 4})

    assert push(stage, "a", "b", "c") == 503
    assert state(stage, name) == (0, {"invalid_entry": 4, "intake_full": 1})
    assert (push(stage, "a"), state(stage, name)[0]) == (202, 1)

    other = sqlite3.connect(stage.folder / "state.db")
    other.execute("BEGIN EXCLUSIVE")
    assert push(stage, "b") == 503
    assert state(stage, name) == (0, {"invalid_entry": 4, "intake_full": 1, "store": 1})
    other.close()
    eventually(lambda: push(stage, "b"), fits=lambda status: status == 202)
    assert state(stage, name)[0] == 1
    assert "what was handed in does not fit" in (stage.folder / "exporter.log").read_text()


def test_a_requestid_of_another_account_is_counted_and_told_with_both(stage: Stage) -> None:
    text = CONFIGURATION.format(source="{type: push, name: orders}", folder=stage.folder)
    account = next(line for line in text.splitlines() if "name: acme" in line)
    listed = stage.folder / "ids.txt"
    listed.write_text("a\n")
    file = f"{{type: file, account: umbrella, paths: [{listed}], name: list}}"
    text = text.replace(account, f"{account}\n{account.replace('acme', 'umbrella')}").replace(
        "orders}", f"orders}}, {file}"
    )
    (stage.folder / "config.yaml").write_text(text)
    stage.start_exporter()
    eventually(stage.metrics, fits=lambda found: found.get(DISCOVERED) == 1)

    assert post(stage, '{"request_ids": ["a", "b"], "account": "acme"}') == 202
    assert post(stage, '{"request_ids": ["a", "b"], "account": "acme"}') == 202
    assert state(stage, "orders") == (1, {"invalid_entry": 1})
    told = "account=acme api=lead_update request_id=a watched_account=umbrella"
    assert told in (stage.folder / "exporter.log").read_text()


def test_a_reference_leads_from_the_order_to_the_request_once_references_are_allowed(stage: Stage) -> None:
    text = CONFIGURATION.format(source="", folder=stage.folder)
    configuration = stage.folder / "config.yaml"
    configuration.write_text(text)
    exporter = stage.start_exporter()
    body = json.dumps({"request_ids": [{"request_id": "a", "reference": "shop:2026/81#2"}]})
    assert post(stage, body) == 400
    configuration.write_text(f"{text}references: true\n")
    exporter.send_signal(signal.SIGHUP)
    eventually(lambda: post(stage, body), fits=lambda status: status == 202)
    found = json.loads(fetch(f"{stage.url}/api/v1/requests?q=shop:2026/81%232"))
    assert [(one["request_id"], one["reference"]) for one in found["requests"]] == [("a", "shop:2026/81#2")]
    assert "81#2" not in str(stage.metrics())
    assert "81#2" not in (stage.folder / "exporter.log").read_text()
