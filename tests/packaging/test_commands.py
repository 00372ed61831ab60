"""What a contributor types."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TARGETS = [
    *(
        "help",
        "demo",
        "test",
        "test-all",
        "test-loops",
        "test-lowest",
        "test-trixie",
        "heavy",
        "test-fast",
        "lint",
        "format",
        "types",
        "coverage",
        "worlds",
        "sources",
        "attack",
        "bench",
        "bench-polling",
        "bench-promises",
        "docs",
        "dashboards",
        "rules",
        "site",
        "pictures",
        "lock",
    ),
    *("dist", "image", "clean"),
]


def make(*arguments: str) -> str:
    ended = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return ended.stdout


def test_make_alone_lists_every_target() -> None:
    assert [line.split()[0] for line in make().splitlines()] == TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_there(target: str) -> None:
    assert make("--dry-run", target)


def test_the_ci_script_runs_the_command_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert "exec make test" in script.read_text("utf-8")
    assert "\nmake test\n" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").iterdir()), ids=lambda path: path.name)
def test_every_script_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    shebang = script.read_text("utf-8").splitlines()[0]
    shell = {"#!/bin/sh": "sh", "#!/usr/bin/env bash": "bash"}.get(shebang)
    assert shell or shebang == "#!/usr/bin/env python3"
    if shell:
        subprocess.run([shell, "-n", script], check=True)


def test_a_shim_of_a_version_manager_is_not_taken_for_python(tmp_path: Path) -> None:
    shim, real = tmp_path / "python3", tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho 'python3: command not found' >&2\nexit 127\n")
    real.symlink_to(sys.executable)
    shim.chmod(0o755)
    ended = subprocess.run(
        ["sh", ROOT / "scripts" / "python"],
        env={"PATH": f"{tmp_path}:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout.strip() == str(real)


def test_without_python_it_is_said_what_is_needed(tmp_path: Path) -> None:
    shell = Path("/bin/sh")
    ended = subprocess.run(
        [shell, ROOT / "scripts" / "python"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr == "Python 3.11 or newer is needed; install it, or name it: make PYTHON=/path/to/python3\n"


def test_the_hooks_before_a_commit_need_no_network() -> None:
    content = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))

    assert [one["repo"] for one in content["repos"]] == ["local"]
    entries = [hook["entry"] for one in content["repos"] for hook in one["hooks"]]
    assert [re.sub(r"^\.venv/bin/python -m ", "", entry) for entry in entries] == [
        "ruff check",
        "ruff format --check",
        "mypy",
        "scripts/generate --check",
    ]
    assert all(hook["language"] == "system" for one in content["repos"] for hook in one["hooks"])


@pytest.mark.parametrize(
    ("engines", "command"),
    [
        (("docker", "podman", "buildah"), "docker build"),
        (("podman", "buildah"), "podman build --format docker"),
        (("buildah",), "buildah build --format docker"),
    ],
)
def test_the_image_is_built_with_the_engine_that_runs(tmp_path: Path, engines: tuple[str, ...], command: str) -> None:
    for name in ("docker", "podman", "buildah"):
        # One that is installed without a running engine answers `info` by an error.
        program = f'[ "$1" = info ] && exit {int(name not in engines)}\necho {name} "$@"'
        (tmp_path / name).write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / name).chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if key != "CONTAINER_ENGINE"}
    ended = subprocess.run(
        [ROOT / "scripts" / "image", "--tag", "name"],
        env={**environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert re.fullmatch(
        rf"{command} --build-arg REVISION=[0-9a-f]{{40}} --build-arg CREATED=\S+Z --tag name \.\n", ended.stdout
    )


def test_the_alerts_and_dashboards_are_written_with_what_is_given() -> None:
    address = "https://lsq.example.com"
    ruled = make(f"RULES=--exporter-url={address} --set=stale=90m", "rules").split()
    drawn = make(f"EXPORTER={address}", "dashboards").split()
    written = [(ROOT / name).read_text("utf-8") for name in ruled]
    assert all(f"{address}/runbooks/LeadSquaredRequestsStuck" in text for text in written)
    assert all("(leadsquared_poll_staleness_seconds) <= 5400" in text for text in written)
    assert all(address in path.read_text("utf-8") for path in (ROOT / drawn[0]).iterdir())
