"""The program as a user runs it: a real process."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAM = (sys.executable, "-m", "exporter")
ROOT = Path(__file__).parents[2]


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Without what the machine's own variables might say."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEADSQUARED_EXPORTER_")}
    return {**own, "PYTHONPATH": str(ROOT), **(given or {})}


def run(
    arguments: Sequence[str],
    *,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    given: str = "",
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment(variables),
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
