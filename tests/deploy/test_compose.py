"""The compose stack as far as it can be judged without running it; tests/container runs it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config.load import load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = "${LEADSQUARED_EXPORTER_IMAGE:-leadsquared-exporter:compose}"
PORT = re.compile(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-(\d+)\}:\1")

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    """Files and folders of the host with where they appear; named volumes are left out."""
    parts = [volume.split(":") for volume in service.get("volumes", ()) if volume.startswith(".")]
    assert all(part[2:] == ["ro"] for part in parts)
    return [(source, target) for source, target, _ in parts]


def run(*command: str | Path) -> tuple[int, str]:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_it_fits_the_compose_specification() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"

    assert run(checker, "--builtin-schema=vendor.compose-spec", FOLDER / "compose.yaml") == (
        0,
        "ok -- validation done\n",
    )


@every_service
def test_every_service_runs_without_rights_and_writes_to_volumes_alone(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 100
    assert service["mem_limit"]
    assert not {"privileged", "network_mode", "pid", "ipc", "user", "cap_add", "devices"} & service.keys()


@every_service
def test_every_service_can_be_reached_from_this_machine_alone(service: dict[str, Any]) -> None:
    assert all(PORT.fullmatch(port) for port in service.get("ports", ()))


@every_service
def test_every_image_is_our_own_or_one_of_a_fixed_version(service: dict[str, Any]) -> None:
    assert service["image"] == OWN or re.fullmatch(r"docker\.io/[a-z/]+:v?\d+\.\d+\.\d+", service["image"])


@every_service
def test_what_is_mounted_is_there(service: dict[str, Any]) -> None:
    assert all((FOLDER / source).exists() for source, _ in mounts(service))
    for name in service.get("secrets", ()):
        assert (FOLDER / COMPOSE["secrets"][name]["file"]).is_file()
    named = {volume.partition(":")[0] for volume in service.get("volumes", ()) if not volume.startswith(".")}
    assert named <= COMPOSE["volumes"].keys()


def test_whoever_serves_tells_whether_it_is_well() -> None:
    # The exporter's check is in its image.
    assert {name for name, service in SERVICES.items() if "test" in service.get("healthcheck", {})} == {
        "upstream",
        "prometheus",
        "alertmanager",
        "grafana",
    }


def test_the_exporter_takes_its_configuration(tmp_path: Path) -> None:
    text = (FOLDER / "exporter" / "config.yaml").read_text("utf-8")
    here = {"/run/secrets": str(FOLDER / "secrets"), "/var/lib/leadsquared-exporter": str(tmp_path)}
    for inside, outside in here.items():
        assert inside in text
        text = text.replace(inside, outside)
    (tmp_path / "config.yaml").write_text(text, "utf-8")

    assert load(tmp_path / "config.yaml", environment={}).warnings == (
        f"{tmp_path}/config.yaml:12:44: sources[0].listen: is not on loopback: "
        "the application's keys cross the network to it in clear text",
    )


def test_prometheus_and_alertmanager_take_theirs() -> None:
    assert run("promtool", "check", "config", FOLDER / "prometheus" / "prometheus.yaml")[0] == 0
    assert run("amtool", "check-config", FOLDER / "alertmanager" / "alertmanager.yaml")[0] == 0


def test_grafana_finds_every_dashboard_and_the_source_of_its_data() -> None:
    grafana = SERVICES["grafana"]
    mounted = dict(mounts(grafana))
    provisioning = ROOT / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "leadsquared.yaml").read_text("utf-8"))["providers"]
    variables = re.findall(r"\$([A-Z_]+)\b", (provisioning / "datasources" / "prometheus.yaml").read_text("utf-8"))

    assert mounted["../../grafana/provisioning"] == "/etc/grafana/provisioning"
    assert {name: target for name, target in mounted.items() if name.endswith(".json")} == {
        f"../../grafana/{path.name}": f"{provider['options']['path']}/{path.name}"
        for path in (ROOT / "grafana").glob("*.json")
    }
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] in mounted.values()
    assert variables
    assert set(variables) <= grafana["environment"].keys()
