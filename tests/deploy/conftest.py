from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import render


@pytest.fixture(scope="session")
def charts() -> Iterator[Path]:
    """The folder of the charts, each with what it depends on."""
    with render.charts() as folder:
        yield folder
