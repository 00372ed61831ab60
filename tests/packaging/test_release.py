"""What publishes a version: the script that lets it pass, and the workflow that calls it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "release"
WORKFLOW = ROOT / ".github" / "workflows" / "release.yaml"
CHART = "deploy/helm/leadsquared-exporter/Chart.yaml"
FILES = {
    "exporter/__init__.py": '"""Watches."""\n\n__version__ = "1.2.0"\n',
    CHART: "name: leadsquared-exporter\nversion: 1.2.0\nappVersion: 1.2.0\n",
    "Dockerfile": "FROM scratch\nARG VERSION=1.2.0\n",
    "CHANGELOG.md": (
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-12-01\n\n### Added\n\n- What is new.\n\n"
        "## [1.1.0] - 2026-11-01\n\n- Old.\n"
    ),
}


def release(tag: str, folder: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """`changed` is what stands in a file instead, by the stem of its name."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.get(path.stem.strip("_"), text), "utf-8")
    return subprocess.run([SCRIPT, tag, folder], capture_output=True, text=True, check=False)


def test_a_release_is_told_by_its_section_of_the_changelog(tmp_path: Path) -> None:
    ended = release("v1.2.0", tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "### Added\n\n- What is new.\n", "")


@pytest.mark.parametrize("tag", ["1.2.0", "v1.2", "v1.2.0-rc.1", "v01.2.0", "v1.2.0\n", "release", ""])
def test_a_tag_that_is_no_version_is_refused(tag: str, tmp_path: Path) -> None:
    ended = release(tag, tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"{tag}: must be a version such as v1.2.3\n"


def test_a_version_that_the_changelog_does_not_have_is_refused(tmp_path: Path) -> None:
    ended = release("v1.2.0", tmp_path, CHANGELOG="# Changelog\n\n## [Unreleased]\n\n- What is new.\n")
    assert (ended.returncode, ended.stderr) == (1, "CHANGELOG.md: has no section ## [1.2.0]\n")


@pytest.mark.parametrize("heading", ["", " - unreleased", " - 2026-13-01", " 2026-12-01 soon", " - 20261201"])
def test_a_version_that_has_no_date_is_refused(heading: str, tmp_path: Path) -> None:
    ended = release("v1.2.0", tmp_path, CHANGELOG=f"## [1.2.0]{heading}\n\n- What is new.\n")
    told = "CHANGELOG.md: must tell the date of 1.2.0, as in ## [1.2.0] - 2026-01-31\n"
    assert (ended.returncode, ended.stderr) == (1, told)


def test_a_version_of_which_the_changelog_says_nothing_is_refused(tmp_path: Path) -> None:
    ended = release("v1.2.0", tmp_path, CHANGELOG="## [1.2.0] - 2026-12-01\n\n## [1.1.0] - 2026-11-01\n\n- Old.\n")
    assert (ended.returncode, ended.stderr) == (1, "CHANGELOG.md: says nothing of 1.2.0\n")


def test_a_tag_of_another_version_is_refused_with_every_reason(tmp_path: Path) -> None:
    ended = release("v1.3.0", tmp_path, Dockerfile="FROM scratch\n", Chart="version: 1.3.0\nappVersion: 1.2.0\n")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "exporter/__init__.py: has version 1.2.0, not 1.3.0",
        f"{CHART}: has version 1.2.0, not 1.3.0",
        "Dockerfile: has version none, not 1.3.0",
        "CHANGELOG.md: has no section ## [1.3.0]",
    ]


def test_the_version_is_the_same_wherever_it_stands() -> None:
    version = re.findall(r'^__version__ = "(.*)"', (ROOT / "exporter" / "__init__.py").read_text("utf-8"), re.MULTILINE)
    ended = subprocess.run([SCRIPT, f"v{version[0]}"], capture_output=True, text=True, check=False)
    assert "has version" not in ended.stderr
    assert "has no section" not in ended.stderr


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    return content


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize(
    "command",
    [
        [Path(sys.executable).parent / "actionlint"],
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ],
    ids=["actionlint", "schema"],
)
def test_the_workflow_is_valid(command: list[str | Path]) -> None:
    ended = subprocess.run([*command, WORKFLOW], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_target_and_script_that_the_workflow_calls_exists(workflow: dict[Any, Any]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    called = " ".join(step["run"] for step in steps(workflow) if "run" in step)
    assert (made := re.findall(r"\bmake ([a-z-]+)", called)) == ["test", "dist"]
    assert set(made) <= set(targets)
    assert (scripts := re.findall(r"\bscripts/\w+", called)) == ["scripts/release", "scripts/image"]
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


def test_the_workflow_tests_every_python_that_the_package_names(workflow: dict[Any, Any]) -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["classifiers"]
    versions = [one.rpartition(" ")[2] for one in named if one.startswith("Programming Language :: Python :: ")]
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == versions == ["3.11", "3.12", "3.13", "3.14"]


def test_nothing_is_published_before_version_and_tests_are_good(workflow: dict[Any, Any]) -> None:
    jobs = workflow["jobs"]
    assert jobs["test"]["needs"] == jobs["build"]["needs"] == "version"
    publishing = [name for name, job in jobs.items() if "write" in job["permissions"].values()]
    assert publishing == ["image", "publish"]
    assert all({"test", "build"} <= set(jobs[name]["needs"]) for name in publishing)
    assert not any("if" in part for part in (*jobs.values(), *steps(workflow)))


def test_each_job_has_the_rights_that_it_needs_and_no_more(workflow: dict[Any, Any]) -> None:
    signing = {"attestations": "write", "id-token": "write"}
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "version": {"contents": "read"},
        "test": {"contents": "read"},
        "build": {"contents": "read"},
        "image": {"contents": "read", "packages": "write", **signing},
        "publish": {"contents": "write", **signing},
    }
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * 4


def test_every_action_is_pinned_and_every_job_ends(workflow: dict[Any, Any]) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert [one for one in used if not re.fullmatch(r"(?:actions|docker)/[a-z-]+@(?:v\d+|[0-9a-f]{40})", one)] == []
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


def test_the_image_is_built_for_two_architectures_with_provenance(workflow: dict[Any, Any]) -> None:
    (build,) = [step["run"] for step in steps(workflow) if "scripts/image" in step.get("run", "")]
    assert "--platform linux/amd64,linux/arm64 --provenance mode=max --sbom true" in build
    attested = [step["with"] for step in steps(workflow) if step.get("uses", "").startswith("actions/attest@")]
    assert [sorted(one.keys() & {"subject-path", "subject-digest", "sbom-path"}) for one in attested] == [
        ["subject-digest"],
        ["sbom-path", "subject-digest"],
        ["subject-path"],
    ]
