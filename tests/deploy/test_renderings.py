"""Every rendering is as it was looked at; `make docs` writes them anew."""

from pathlib import Path

import kubernetes_validate
import pytest

from deploy import render
from tests.deploy.manifests import documents

SETS = sorted(render.SETS.iterdir())
# The newest three.
VERSIONS = ("1.35", "1.36", "1.37")
RENDERINGS = sorted([*render.GOLDEN.iterdir(), *render.PLAIN.glob("*/*.yaml")])
OTHERS = ("monitoring.coreos.com/v1", "kustomize.config.k8s.io/v1beta1")


@pytest.mark.parametrize("values", SETS, ids=lambda path: path.stem)
def test_a_chart_renders_as_before(values: Path, charts: Path) -> None:
    assert render.golden(values, charts) == (render.GOLDEN / values.name).read_text("utf-8")


def test_there_is_no_rendering_without_its_values() -> None:
    assert [path.name for path in sorted(render.GOLDEN.iterdir())] == [path.name for path in SETS]


@pytest.mark.parametrize("manifests", render.MANIFESTS, ids=lambda one: one.name)
def test_the_plain_manifests_are_what_the_chart_renders(manifests: render.Manifests, charts: Path) -> None:
    paths = [path for folder in manifests.folders for path in folder.iterdir()]

    assert {str(path.relative_to(render.PLAIN)): path.read_text("utf-8") for path in paths} == render.plain(
        manifests, charts
    )


@pytest.mark.parametrize("manifests", render.MANIFESTS, ids=lambda one: one.name)
def test_kustomize_takes_the_plain_manifests(manifests: render.Manifests) -> None:
    bare, monitored = (documents(render.kubectl("kustomize", folder)) for folder in manifests.folders)
    paths = [path for folder in manifests.folders for path in folder.iterdir() if path.name != "kustomization.yaml"]

    assert sorted(document["kind"] for document in monitored) == sorted(
        document["kind"] for path in paths for document in documents(path.read_text("utf-8"))
    )
    assert [document for document in monitored if not document["kind"].endswith("Monitor")] == bare


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", RENDERINGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_kubernetes_knows_every_key(path: Path, version: str) -> None:
    for document in documents(path.read_text("utf-8")):
        if document["apiVersion"] not in OTHERS:
            assert kubernetes_validate.validate(document, version, strict=True) == version


def test_a_mistyped_key_would_be_found() -> None:
    (document,) = documents((render.PLAIN / "standalone" / "service.yaml").read_text("utf-8"))
    document["spec"]["selectr"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="'selectr' was unexpected"):
        kubernetes_validate.validate(document, VERSIONS[0], strict=True)
