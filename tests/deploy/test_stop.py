"""What kills the process waits for longer than a stop may take, and every text that tells how long says the same."""

import re
from pathlib import Path

import pytest
import yaml

from exporter.cli import FLAGS
from exporter.config import duration

ROOT = Path(__file__).parents[2]
GRACE = next(flag.default for flag in FLAGS if flag.name == "shutdown.grace-period")
TOLD = re.compile(r"`?--shutdown\.grace-period`?\s+\((\d+ ?\w+)\)")
TEXTS = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(path for path in sorted((ROOT / "deploy").rglob("*")) if path.suffix in (".yaml", ".service")),
]


def patience() -> dict[str, float]:
    """Seconds by what stops the process."""
    compose = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text("utf-8"))
    values = yaml.safe_load((ROOT / "deploy" / "helm" / "leadsquared-exporter" / "values.yaml").read_text("utf-8"))
    unit = (ROOT / "deploy" / "systemd" / "leadsquared-exporter.service").read_text("utf-8")
    (systemd,) = re.findall(r"^TimeoutStopSec=(\w+)$", unit, re.MULTILINE)
    return {
        "compose": duration.parse(compose["services"]["exporter"]["stop_grace_period"]),
        "kubernetes": float(values["terminationGracePeriodSeconds"]),
        "systemd": duration.parse(systemd),
    }


@pytest.mark.parametrize("name", ["compose", "kubernetes", "systemd"])
def test_a_stop_has_its_grace_period_before_it_is_cut_short(name: str) -> None:
    assert patience()[name] > duration.parse(str(GRACE))


def test_every_text_tells_the_grace_period_that_is_the_default() -> None:
    told = [found for path in TEXTS for found in TOLD.findall(path.read_text("utf-8"))]
    assert len(told) > 4
    assert {found.replace(" ", "") for found in told} == {GRACE}


def test_no_text_promises_a_stop_within_ten_seconds() -> None:
    promise = re.compile(r"\b(?:ends?|leaves|commits?)\s+within\s+10 s")
    assert [path.name for path in TEXTS if promise.search(path.read_text("utf-8"))] == []
