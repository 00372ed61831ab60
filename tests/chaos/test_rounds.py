"""Some rounds of `make sources`: every way in against its real counterpart."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.round import play


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [101, 102, 103, 104])
def test_what_is_handed_over_is_counted_once_whatever_goes_wrong(seed: int, tmp_path: Path) -> None:
    report = asyncio.run(play(seed, kept=tmp_path))
    assert not report.problems, str(report)
