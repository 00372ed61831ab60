from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.engine import Engine, cache
from tests.container.stack import SERVICES, Stack, service

PYTHON_BASE = Path(__file__).parent / "python-base"
PROMETHEUS_BASE = Path(__file__).parent / "prometheus-base"


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine(cache())


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    return engine.stand_in("library/python", PYTHON_BASE, '--change=CMD ["python"]')


@pytest.fixture(scope="session")
def image(engine: Engine, base: str) -> str:
    return engine.build(base=base)


@pytest.fixture(scope="session")
def stack(engine: Engine, image: str) -> Iterator[Stack]:
    """Up, without Grafana; Prometheus and Alertmanager are Debian's under the names that the compose file pins."""
    base = engine.stand_in("library/prometheus", PROMETHEUS_BASE)
    for name in ("prometheus", "alertmanager"):
        settings = (f'ENTRYPOINT ["/bin/{name}"]', "USER 65534:65534", f"WORKDIR /{name}")
        engine.derive(service(name)["image"], base=base, instructions=settings)
    stack = Stack(engine, image)
    try:
        stack.compose("up", "--detach", "--no-build", *SERVICES)
        yield stack
    finally:
        stack.compose("down", "--volumes")
