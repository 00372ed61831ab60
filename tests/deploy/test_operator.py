"""The objects of the Prometheus operator against the schemas that it publishes."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy import render
from deploy.values import CHART
from tests.deploy.manifests import Document, documents
from tests.npm import installed

pytestmark = pytest.mark.heavy
GROUP = "monitoring.coreos.com/v1"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the schemas."""
    return installed(Path(__file__).parent / "operator", tmp_path_factory.mktemp("operator"))


def mistakes(models: Path, objects: Sequence[Document]) -> list[str | None]:
    command = ("node", "validate.js")
    ended = subprocess.run(command, cwd=models, input=json.dumps(objects), capture_output=True, text=True, check=True)
    found: list[str | None] = json.loads(ended.stdout)
    return found


def test_the_operator_knows_every_object(models: Path) -> None:
    paths = sorted([*render.GOLDEN.iterdir(), *render.PLAIN.rglob("monitor.yaml")])
    objects = [document for path in paths for document in documents(path.read_text("utf-8"))]
    objects = [document for document in objects if document["apiVersion"] == GROUP]
    rules = documents(render.helm("template", "watch", CHART, "--set", "prometheusRule.enabled=true"))
    objects += [document for document in rules if document["kind"] == "PrometheusRule"]
    assert {document["kind"] for document in objects} == {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
    assert mistakes(models, objects) == [None] * len(objects)


def test_a_mistake_would_be_found(models: Path) -> None:
    monitor = {"apiVersion": GROUP, "kind": "ServiceMonitor", "metadata": {"name": "a"}}
    (mistake,) = mistakes(models, [{**monitor, "spec": {"selector": {}, "endpoints": "metrics"}}])
    assert mistake is not None
    assert "endpoints" in mistake
