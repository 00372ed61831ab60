"""Nothing in exporter/ stands on a name that another package keeps for itself."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def found(folder: Path) -> list[str]:
    told = subprocess.run(
        [sys.executable, ROOT / "scripts" / "private-names", folder], capture_output=True, text=True, check=False
    )
    assert told.returncode == bool(told.stdout), told.stderr
    return [line.partition(": ")[2] for line in told.stdout.splitlines()]


def test_the_exporter_uses_no_private_name_of_another_package() -> None:
    assert found(ROOT / "exporter") == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from aiohttp.helpers import _EXC_SENTINEL", ["aiohttp.helpers._EXC_SENTINEL"]),
        ("from asyncio import Queue\nQueue()._getters.clear()", ["_getters"]),
        ("from asyncio import Queue\nif hasattr(Queue(), '_putters'): ...", ["_putters"]),
        (
            "from aiohttp import web\nclass Own(web.AppRunner):\n    async def _make_server(self): ...",
            ["Own._make_server"],
        ),
        ("from aiohttp import web\nclass Own(web.AppRunner):\n    def options(self): return self._kwargs", ["_kwargs"]),
        (
            "class Own:\n    def __init__(self): self._one = 1\n\ndef two(own): return own._one + own.__dict__['_one']",
            [],
        ),
        ("from typing import NamedTuple\nclass Two(NamedTuple):\n    one: int\n\nTwo(1)._replace(one=2)", []),
    ],
)
def test_a_private_name_is_found_and_our_own_are_left_alone(tmp_path: Path, text: str, names: list[str]) -> None:
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "module.py").write_text(text)
    assert found(folder) == [f"{name} is private to another package" for name in names]
