"""What every Pod with the exporter has to be, and that it finds its configuration there."""

from pathlib import Path

import pytest

from deploy import render
from tests.cli.process import run
from tests.deploy.manifests import Document, documents, exporter, one, pod

PODS = {
    **{path.stem: path.read_text("utf-8") for path in sorted(render.GOLDEN.iterdir())},
    **{
        manifests.name: "---\n".join(
            path.read_text("utf-8") for folder in manifests.folders for path in folder.iterdir()
        )
        for manifests in render.MANIFESTS
    },
}
SIDECARS = {name: text for name, text in PODS.items() if name.startswith("sidecar")}
CONTENTS = {"acme.key": "k", "push.token": "t"}


def spec(text: str) -> Document:
    return pod(documents(text))


@pytest.fixture(params=list(PODS.values()), ids=list(PODS))
def text(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_it_may_do_nothing_that_it_does_not_need(text: str) -> None:
    assert exporter(spec(text))["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsGroup": 10040,
        "runAsNonRoot": True,
        "runAsUser": 10040,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec(text)["automountServiceAccountToken"] is False


def test_it_is_given_memory_and_its_cpu_is_not_throttled(text: str) -> None:
    resources = exporter(spec(text))["resources"]
    assert resources["limits"].keys() == {"memory"}
    assert resources["requests"].keys() == {"cpu", "memory"}


def test_it_finds_the_folders_that_it_is_told(text: str) -> None:
    container = exporter(spec(text))
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"] for volume in spec(text)["volumes"]}
    claims = [document for document in documents(text) if document["kind"] == "StatefulSet"]
    volumes |= {claim["metadata"]["name"] for one in claims for claim in one["spec"]["volumeClaimTemplates"]}
    assert mounted["leadsquared-exporter-config"] == "/etc/leadsquared-exporter"
    # Where the image's working directory is.
    assert mounted["leadsquared-exporter-state"] == "/var/lib/leadsquared-exporter"
    assert mounted.keys() <= volumes
    assert "--config.file=/etc/leadsquared-exporter/config.yaml" in container["args"]


@pytest.mark.parametrize("name", [name for name in PODS if name != "existing"])
def test_its_configuration_is_valid(name: str, tmp_path: Path) -> None:
    """With all that the projected volume puts beside it."""
    rendered = documents(PODS[name])
    files = {**CONTENTS, **one("ConfigMap", rendered)["data"]}
    for secret in (document for document in rendered if document["kind"] == "Secret"):
        files |= {key: content for key, content in secret["stringData"].items() if key != "web.yaml"}
    for key, content in files.items():
        (tmp_path / key).write_text(content)
    ended = run(["--config.check"], folder=tmp_path, variables={"GLOBEX_KEY": "k"})
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, "config.yaml is valid"), ended.stderr


@pytest.mark.parametrize("text", [text for name, text in PODS.items() if name not in SIDECARS])
def test_two_never_run_at_once(text: str) -> None:
    deployment = one("Deployment", documents(text))["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize("text", [PODS["tls"], PODS["existing"]], ids=["tls", "existing"])
def test_with_tls_it_is_asked_by_tls(text: str) -> None:
    container = exporter(spec(text))
    probes = [container[name]["httpGet"]["scheme"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert probes == ["HTTPS"] * 3
    assert "--web.config.file=/etc/leadsquared-exporter/web.yaml" in container["args"]


@pytest.mark.parametrize("text", SIDECARS.values(), ids=SIDECARS)
def test_a_sidecar_starts_first_ends_last_and_never_makes_the_application_unready(text: str) -> None:
    (container,) = spec(text)["initContainers"]
    assert container == exporter(spec(text))
    assert container["restartPolicy"] == "Always"
    assert "startupProbe" in container
    assert "readinessProbe" not in container


@pytest.mark.parametrize("text", SIDECARS.values(), ids=SIDECARS)
def test_the_monitor_finds_the_pods_and_the_port_of_the_sidecar(text: str) -> None:
    rendered = documents(text)
    monitor = one("PodMonitor", rendered)["spec"]
    (application,) = [document for document in rendered if document["kind"] in ("Deployment", "StatefulSet")]
    labels = application["spec"]["template"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["port"] in [port["name"] for port in exporter(spec(text))["ports"]]
