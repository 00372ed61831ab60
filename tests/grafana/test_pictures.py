"""What `make pictures` needs and makes; the taking itself is too long for a test."""

import json
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from grafana.build import DASHBOARDS
from grafana.pictures.scene import EVENTS
from grafana.pictures.stage import PROGRAM, Stage

ROOT = Path(__file__).parents[2]
MOST_BYTES = 300_000
UIDS = [one.uid for one in DASHBOARDS.values()]


@pytest.mark.parametrize("uid", UIDS)
def test_a_dashboard_has_a_picture_that_a_page_can_load(uid: str) -> None:
    picture = (ROOT / "docs" / "pictures" / f"{uid}.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < MOST_BYTES
    assert f"(pictures/{uid}.png)" in (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")


def test_what_draws_them_is_fixed_to_the_version() -> None:
    packages = json.loads((ROOT / "grafana" / "pictures" / "package.json").read_text(encoding="utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in packages["dependencies"].values())


def test_the_exporter_takes_the_configuration_of_the_scene(tmp_path: Path) -> None:
    with ExitStack() as stack:
        path = Stage(tmp_path, stack).configure()
        checked = subprocess.run((*PROGRAM, f"--config.file={path}", "--config.check"), capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_events_of_the_scene_come_in_its_time_and_in_order() -> None:
    parts = [event.part for event in EVENTS]
    assert parts == sorted(parts)
    assert all(0.0 < part < 1.0 for part in parts)
