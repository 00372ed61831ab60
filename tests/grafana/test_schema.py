"""The dashboards against the types that Grafana publishes of them, by the TypeScript compiler."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana").glob("*.json"))
COMPILER = ("node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext")

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiler and the types; it needs npm and its registry."""
    folder = tmp_path_factory.mktemp("schema")
    shutil.copytree(Path(__file__).parent / "schema", folder, dirs_exist_ok=True)
    subprocess.run(("npm", "install", "--silent"), cwd=folder, check=True)
    return folder


def compiled(folder: Path, dashboard: Mapping[str, Any]) -> str:
    """What the compiler finds wrong."""
    program = f"import type {{ Dashboard }} from './dashboard';\nexport const dashboard: Dashboard = {json.dumps(dashboard)};\n"
    (folder / "checked.ts").write_text(program, encoding="utf-8")
    command = (*COMPILER, "--moduleResolution", "bundler", "checked.ts")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_what_grafana_calls_one(types: Path, path: Path) -> None:
    assert compiled(types, json.loads(path.read_text(encoding="utf-8"))) == ""


def test_a_mistyped_key_is_found(types: Path) -> None:
    dashboard = json.loads(DASHBOARDS[0].read_text(encoding="utf-8"))
    dashboard["panels"][1]["gridPos"]["width"] = 4
    assert "'\"width\"' does not exist in type" in compiled(types, dashboard)
