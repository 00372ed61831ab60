from pathlib import Path

import pytest

from tests.container.engine import Engine, cache

PYTHON_BASE = Path(__file__).parent / "python-base"


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine(cache())


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    return engine.stand_in("library/python", PYTHON_BASE, '--change=CMD ["python"]')


@pytest.fixture(scope="session")
def image(engine: Engine, base: str) -> str:
    return engine.build(base=base)
