"""Every panel over a real Prometheus that scrapes the running demo: a query that parses may still bring nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from grafana.build import DASHBOARDS
from tests.e2e.processes import eventually, fetch
from tests.grafana.pages import panels, with_values

ROOT = Path(__file__).parents[2]
# What a run without mishaps does not have, and why.
MAY_BE_EMPTY = {"Reloads": "nobody changes the configuration of a demo"}
SECONDS = 90.0

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that scrapes a demo every second. The application is faster than usual: failures come sooner."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts" / "demo", "--rate", "5"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path_factory.mktemp("demo"))},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        try:
            address = next(line for line in process.stdout if line.startswith("Prometheus ")).split()[-1]
            yield f"http://{urlsplit(address).netloc}"
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.stdout.read()


def queries() -> dict[str, list[str]]:
    """By what shows them."""
    found = {
        f"{name}: {panel['title']}": [target["expr"] for target in panel["targets"]]
        for name in DASHBOARDS
        for panel in panels(name)
    }
    moments = {one["name"]: [one["expr"]] for one in DASHBOARDS["overview"].json()["annotations"]["list"]}
    return found | moments


def has_numbers(prometheus: str, query: str) -> bool:
    answer = json.loads(fetch(f"{prometheus}/api/v1/query?{urlencode({'query': with_values(query)})}"))
    return any(sample["value"][1] != "NaN" for sample in answer["data"]["result"])


def test_every_query_of_every_panel_returns_numbers(prometheus: str) -> None:
    def empty() -> set[str]:
        return {
            shown for shown, every in queries().items() if not all(has_numbers(prometheus, query) for query in every)
        }

    eventually(empty, fits=lambda found: found <= MAY_BE_EMPTY.keys(), seconds=SECONDS)


def test_a_latency_panel_has_exemplars_with_the_label_that_provisioning_links(prometheus: str) -> None:
    (panel,) = (panel for panel in panels("overview") if panel["title"] == "Duration")
    target = next(target for target in panel["targets"] if target["exemplar"])
    asked = urlencode({"query": with_values(target["expr"]), "start": 0, "end": 10**10})

    def exemplars() -> list[dict[str, str]]:
        answer = json.loads(fetch(f"{prometheus}/api/v1/query_exemplars?{asked}"))
        return [exemplar["labels"] for series in answer["data"] for exemplar in series["exemplars"]]

    found = eventually(exemplars, fits=bool)
    assert all(labels.keys() == {"request_id"} for labels in found)
