"""The compose stack with podman-compose, on free ports and under a name of its own."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import yaml

from tests.container.engine import ROOT, Engine
from tests.e2e.processes import fetch_json, free_port

FILE = ROOT / "deploy" / "compose" / "compose.yaml"
# Everything but Grafana: it is in no repository of Debian that a stand-in could be made from.
SERVICES = ("upstream", "application", "exporter", "prometheus", "alertmanager")
PORTS = ("UPSTREAM_PORT", "EXPORTER_PORT", "GATEWAY_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT")


class Stack:
    def __init__(self, engine: Engine, image: str) -> None:
        self._engine = engine
        self._project = f"leadsquared-exporter-test-{uuid4().hex[:12]}"
        self._ports = {name: str(free_port()) for name in PORTS}
        self._image = image

    def compose(self, *words: str) -> str:
        """What podman-compose prints. `PAUSE_EVERY` has the simulated queue stand still from its second second on."""
        environment = {"LEADSQUARED_EXPORTER_IMAGE": self._image, "PAUSE_EVERY": "241s", **self._ports}
        command = (Path(sys.executable).parent / "podman-compose", "--file", FILE, "--project-name", self._project)
        return self._engine.run(*command, *words, environment=environment).stdout

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[f'{service.upper()}_PORT']}"

    def query(self, promql: str) -> dict[str, float]:
        """Values by the `account` of the series, or by nothing."""
        answer = fetch_json(f"{self.url('prometheus')}/api/v1/query?query={quote(promql)}")
        return {one["metric"].get("account", ""): float(one["value"][1]) for one in answer["data"]["result"]}


def service(name: str) -> Any:
    return yaml.safe_load(FILE.read_text("utf-8"))["services"][name]
