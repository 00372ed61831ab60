"""The image's own base: Debian 13, with its Python and the servers that come with it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What speaks to servers, and what stands on Python's own parts. `make test-trixie` runs all.
TESTS = " ".join(f"tests/{name}" for name in ("e2e", "metrics", "sources", "store"))


@pytest.mark.heavy
def test_sources_store_and_metrics_stand_on_debian_13() -> None:
    """It needs root, mmdebstrap and Debian's mirror."""
    ended = subprocess.run(
        ["make", "test-trixie", f"TESTS={TESTS}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    told = f"{ended.stdout}\n{ended.stderr}"
    assert ended.returncode == 0, told
    for version in (r"Python 3\.13\.", r"Redis server v=8\.", r"PostgreSQL\) 17\.", r"prometheus, version 2\.53\."):
        assert re.search(version, told), told
