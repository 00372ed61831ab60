"""The unit by systemd's own tools, and the program under what the unit forbids."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "leadsquared-exporter.service"
# Tenths of the level that `systemd-analyze security` gives; 1.1 by systemd 252, of 10.
EXPOSURE = 15
# SQLite gives files to the owner of their folder, where it is root.
OF_ROOT = {"fchown"}
REFUSE_EXECUTABLE_MEMORY = """\
import ctypes, os, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
assert ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
DEMO = ("-m", "exporter", "demo", "--seconds=3", "--rate=5")


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("systemd-analyze", *arguments), capture_output=True, text=True, check=False)


def settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8")
    installed = tmp_path / UNIT.name
    installed.write_text(text.replace("/opt/leadsquared-exporter/bin/leadsquared-exporter", sys.executable), "utf-8")
    checked = analyze("verify", "--man=no", "--recursive-errors=no", installed)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_mistyped_setting_would_be_found(tmp_path: Path) -> None:
    (tmp_path / UNIT.name).write_text(UNIT.read_text("utf-8").replace("ProtectHome=", "ProtectHouse="), "utf-8")
    assert "'ProtectHouse'" in analyze("verify", "--man=no", tmp_path / UNIT.name).stderr


def test_every_key_of_the_folder_is_handed_over_and_named_as_the_documentation_says() -> None:
    (handed,) = settings("LoadCredential")
    name, _, folder = handed.partition(":")
    page = (ROOT / "docs" / "systemd.md").read_text("utf-8")
    assert f"install -m 0600 acme.key {folder}/acme.key" in page
    assert f"api_key_file: /run/credentials/{UNIT.name}/{name}_acme.key" in page


def test_little_is_exposed() -> None:
    checked = analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", UNIT)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.heavy
def test_the_exporter_makes_no_system_call_that_the_unit_forbids(tmp_path: Path) -> None:
    command = ("strace", "-f", "-qq", "-c", "-U", "name", "-o", tmp_path / "calls", sys.executable, *DEMO)
    subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, check=True, stdout=subprocess.DEVNULL
    )
    used = set(re.findall(r"^\w+$", (tmp_path / "calls").read_text(), re.MULTILINE)) - {"total", "syscall"}

    assert len(used) > 40
    assert used - OF_ROOT <= permitted()


@pytest.mark.heavy
def test_the_exporter_runs_without_executable_memory_of_its_own(tmp_path: Path) -> None:
    command = (sys.executable, "-c", REFUSE_EXECUTABLE_MEMORY, *DEMO)
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert ended.stdout.endswith("stopped\n")


def permitted() -> set[str]:
    """The system calls that the unit's filters let through, of those that this machine's systemd knows."""
    groups: dict[str, list[str]] = {}
    for line in analyze("syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line, [])
        elif line.startswith("    ") and not line.lstrip().startswith("#"):
            members.append(line.strip())

    def calls(name: str) -> set[str]:
        if not name.startswith("@"):
            return {name}
        return set().union(*(calls(member) for member in groups[name]))

    allowed: set[str] = calls("@default")
    for line in settings("SystemCallFilter"):
        named = set().union(*(calls(name) for name in line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed
