"""What a release publishes beside the image."""

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
NAMES = [
    "SHA256SUMS",
    f"leadsquared-exporter-{__version__}.cdx.json",
    f"leadsquared-exporter-{__version__}.tgz",
    f"leadsquared_exporter-{__version__}-py3-none-any.whl",
    f"leadsquared_exporter-{__version__}.tar.gz",
]
pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def dist() -> Path:
    """It needs the registry."""
    ended = subprocess.run(["make", "dist"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return DIST


def test_packages_chart_sbom_and_checksums_are_made(dist: Path) -> None:
    assert sorted(path.name for path in dist.iterdir()) == NAMES
    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=dist, capture_output=True, text=True, check=True
    )
    assert checked.stdout.splitlines() == [f"{name}: OK" for name in NAMES[1:]]


def test_a_wheel_can_be_made_of_the_sdist(dist: Path, tmp_path: Path) -> None:
    with tarfile.open(dist / NAMES[4]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    command = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path / "wheel")
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    assert [path.name for path in (tmp_path / "wheel").iterdir()] == [NAMES[3]]


def test_the_chart_has_the_version_of_the_program(dist: Path) -> None:
    with tarfile.open(dist / NAMES[2]) as archive:
        content = archive.extractfile("leadsquared-exporter/Chart.yaml")
        assert content is not None
        chart = yaml.safe_load(content.read())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_sbom_lists_what_the_image_is_made_of_and_no_path_of_the_machine(dist: Path) -> None:
    text = (dist / NAMES[1]).read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    assert (content["bomFormat"], content["specVersion"]) == ("CycloneDX", "1.6")
    root = content["metadata"]["component"]
    assert (root["name"], root["version"]) == ("leadsquared-exporter", __version__)
    pinned = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements" / "image.txt").read_text("utf-8"), re.MULTILINE)
    listed = {(re.sub(r"[-_.]+", "-", one["name"]).lower(), one["version"]) for one in content["components"]}
    # Packages for other systems and older Pythons are locked too.
    assert listed <= set(pinned)
    assert {name for name, _ in pinned} - {name for name, _ in listed} <= {
        "async-timeout",
        "backports-zstd",
        "colorama",
        "pyreadline3",
    }
    assert all(one.get("licenses") for one in content["components"])
    assert any(one["ref"] == "root-component" and one["dependsOn"] for one in content["dependencies"])
    assert str(ROOT) not in text
