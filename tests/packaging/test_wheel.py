"""What `pip install`, `pipx` and `uvx` get."""

import os
import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from exporter import __version__

ROOT = Path(__file__).parents[2]
EXTRAS = ["codings", "mysql", "postgresql", "redis", "sqlite"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def run(*command: str | Path) -> str:
    # From nowhere near the source, which could stand in for what is missing in the wheel.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=True)
    return ended.stdout


def test_the_wheel_has_the_program_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"leadsquared_exporter-{__version__}-py3-none-any.whl"
    with ZipFile(wheel) as opened:
        names = opened.namelist()
    assert {name.partition("/")[0] for name in names} == {"exporter", f"leadsquared_exporter-{__version__}.dist-info"}
    assert {"exporter/py.typed", "exporter/web/style.css"} <= set(names)
    runbooks = {f"exporter/web/runbook_pages/{page.stem}.html" for page in (ROOT / "docs" / "runbooks").iterdir()}
    assert runbooks <= set(names)


def test_every_extra_can_be_asked_for(wheel: Path) -> None:
    with ZipFile(wheel) as opened:
        metadata = opened.read(f"leadsquared_exporter-{__version__}.dist-info/METADATA").decode()
    assert sorted(HeaderParser().parsestr(metadata).get_all("Provides-Extra", [])) == EXTRAS


def test_it_runs_where_it_was_installed(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    # Its version needs none of its dependencies.
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", wheel)

    told = run(tmp_path / "venv" / "bin" / "leadsquared-exporter", "--version")
    assert told.startswith(f"leadsquared-exporter, version {__version__} (revision ")


@pytest.mark.heavy
def test_uvx_runs_it_with_all_extras(wheel: Path, tmp_path: Path) -> None:
    """It needs the registry."""
    uv = Path(sys.executable).parent / "uv"
    tool = (uv, "tool", "run", "--quiet", "--cache-dir", tmp_path / "cache", "--python", sys.executable)
    requirement = f"{wheel}[{','.join(EXTRAS)}]"

    told = run(*tool, "--from", requirement, "leadsquared-exporter", "demo", "--seconds=2")
    assert told.endswith("stopped\n")
    modules = "import aiosqlite, asyncmy, asyncpg, hiredis, sqlalchemy, redis"
    run(*tool, "--from", requirement, "python", "-c", modules)
