"""The dashboards against the types that Grafana publishes of them, by the TypeScript compiler."""

import subprocess
from pathlib import Path

import pytest

from grafana.build import DASHBOARDS, text
from tests.npm import installed

COMPILER = ("node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext")
PROGRAM = """\
import type {{ Dashboard }} from './dashboard';
export const dashboard: Dashboard = {dashboard};
"""

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiler and the types."""
    return installed(Path(__file__).parent / "schema", tmp_path_factory.mktemp("schema"))


def compiled(folder: Path, dashboard: str) -> str:
    """What the compiler finds wrong."""
    (folder / "checked.ts").write_text(PROGRAM.format(dashboard=dashboard), encoding="utf-8")
    command = (*COMPILER, "--moduleResolution", "bundler", "checked.ts")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_what_grafana_calls_one(types: Path, name: str) -> None:
    assert compiled(types, text(DASHBOARDS[name])) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"gridPos": {', '"gridPos": {"width": 4,'),
        ('"drawStyle": "line"', '"drawStyle": "lines"'),
        ('"graphMode": "none"', '"graphMode": "nothing"'),
        ('"cellGap": 1', '"cellgap": 1'),
    ],
)
def test_a_mistake_is_found(types: Path, right: str, wrong: str) -> None:
    dashboard = text(DASHBOARDS["overview"])
    assert right in dashboard
    assert "error TS" in compiled(types, dashboard.replace(right, wrong, 1))
