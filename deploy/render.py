"""What Helm makes of the charts: the plain manifests, and the renderings that the tests compare.

`python -m deploy.render` writes all of them.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
CHARTS: Final = ROOT / "deploy" / "helm"
PLAIN: Final = ROOT / "deploy" / "kubernetes"
SETS: Final = ROOT / "tests" / "deploy" / "values"
GOLDEN: Final = ROOT / "tests" / "deploy" / "golden"
EXPORTER: Final = "leadsquared-exporter"
APPLICATION: Final = "example-application"

_SOURCE = re.compile(r"^---\n# Source: \S+/templates/(?P<name>\S+)\n", re.MULTILINE)
# Nothing that Helm manages.
_OF_HELM = re.compile(r"^ *(helm\.sh/chart: .*|app\.kubernetes\.io/managed-by: Helm)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """Plain manifests, from one chart and the file of values that lies beside their folders."""

    name: str
    chart: str
    release: str

    @property
    def folders(self) -> tuple[Path, Path]:
        """Without and with the operator of Prometheus."""
        return PLAIN / self.name, PLAIN / f"{self.name}-monitored"

    @property
    def values(self) -> Path:
        return PLAIN / f"{self.name}.values.yaml"


MANIFESTS: Final = (
    Manifests(name="standalone", chart=EXPORTER, release="leadsquared-exporter"),
    Manifests(name="sidecar", chart=APPLICATION, release="orders"),
)


def helm(*arguments: str | Path) -> str:
    """Its standard output. Raises CalledProcessError."""
    return _run("helm", *arguments)


def kubectl(*arguments: str | Path) -> str:
    """Its standard output. Raises CalledProcessError."""
    return _run("kubectl", *arguments)


def _run(script: str, *arguments: str | Path) -> str:
    command = (ROOT / "scripts" / script, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  (our own scripts)


@contextmanager
def charts() -> Iterator[Path]:
    """A folder with the charts, each with what it depends on."""
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(CHARTS, Path(folder) / "helm"))
        helm("dependency", "update", copy / APPLICATION)
        yield copy


def plain(manifests: Manifests, folder: Path) -> Mapping[str, str]:
    """The content of each file of plain manifests, by its path below PLAIN; `folder` is that of `charts`."""
    text = helm("template", manifests.release, folder / manifests.chart, "--values", manifests.values, "--skip-tests")
    parts = _SOURCE.split(text)[1:]
    files = {name: _OF_HELM.sub("", body).strip() + "\n" for name, body in zip(parts[::2], parts[1::2], strict=True)}
    # In a folder of its own: without the operator of Prometheus a cluster does not know the kind.
    monitor = files.pop("monitor.yaml")
    below = {f"{manifests.name}/{name}": content for name, content in files.items()}
    return {
        **below,
        f"{manifests.name}/kustomization.yaml": _kustomization(sorted(files)),
        f"{manifests.name}-monitored/monitor.yaml": monitor,
        f"{manifests.name}-monitored/kustomization.yaml": _kustomization([f"../{manifests.name}", "monitor.yaml"]),
    }


def _kustomization(resources: Sequence[str]) -> str:
    listed = "".join(f"  - {one}\n" for one in resources)
    return f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{listed}"


def golden(values: Path, folder: Path) -> str:
    """The rendering of one set of values. Those for the application's chart have names that begin with `sidecar`."""
    chart = APPLICATION if values.name.startswith("sidecar") else EXPORTER
    return helm("template", "watch", folder / chart, "--namespace", "crm", "--values", values)


def write() -> None:
    with charts() as folder:
        for manifests in MANIFESTS:
            for one in manifests.folders:
                shutil.rmtree(one, ignore_errors=True)
                one.mkdir()
            for path, content in plain(manifests, folder).items():
                (PLAIN / path).write_text(content, "utf-8")
        shutil.rmtree(GOLDEN, ignore_errors=True)
        GOLDEN.mkdir(parents=True)
        for values in sorted(SETS.iterdir()):
            (GOLDEN / values.name).write_text(golden(values, folder), "utf-8")


if __name__ == "__main__":
    write()
