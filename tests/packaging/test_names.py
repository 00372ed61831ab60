"""The names of tests fit into a line of a report."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "test-names"


def test_no_test_has_a_name_of_more_than_80_characters() -> None:
    ended = subprocess.run([SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_a_name_that_is_too_long_is_told_with_its_place(tmp_path: Path) -> None:
    fits, long = f"test_{'a' * 75}", f"test_{'b' * 76}"
    path = tmp_path / "test_it.py"
    path.write_text(
        f"def {fits}(): ...\n\n\nclass TestIt:\n    async def {long}(self): ...\n\n\ndef helper_{long}(): ...\n"
    )
    ended = subprocess.run([SCRIPT, tmp_path], capture_output=True, text=True, check=False)
    told = f"{path}:5: {long} has 81 characters, and may have 80\n"
    assert (ended.returncode, ended.stdout) == (1, told)
