"""A configuration that could not be read again, as the service and the web configuration tell it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter.app import assemble
from exporter.config.load import load
from exporter.errors import ConfigurationError
from exporter.options import RunOptions
from exporter.service import Service
from exporter.web.security import Security

GOOD = """\
accounts:
  - {name: acme, base_url: "http://127.0.0.1:1", api_key: k, rate_limit: {calls: 25}}
sources: [{type: push}]
storage: {url: "memory://"}
"""


def rewrite(file: Path, text: str) -> None:
    file.write_text(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
async def service(file: Path) -> AsyncIterator[Service]:
    service, _ = assemble(RunOptions(config_file=file), load(file, environment={}))
    await service.start()
    yield service
    await service.stop()


async def test_a_failed_reload_is_told_until_one_works(service: Service, file: Path) -> None:
    assert service.rejected() is None
    since = set()
    for line in ("x: 1", "y: 1"):
        rewrite(file, f"{GOOD}{line}\n")
        with pytest.raises(ConfigurationError):
            await service.reload()
        rejected = service.rejected()
        assert rejected is not None
        assert f" {line[0]}: unknown key" in rejected.problems[0]
        since.add(rejected.since)
    # It is told since when the file can't be used, not since the last look at it.
    assert len(since) == 1
    rewrite(file, GOOD)
    await service.reload()

    assert service.rejected() is None


async def test_a_web_configuration_that_can_not_be_used_is_told_until_it_can(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    rewrite(file, "{}")
    security = Security(file)
    security.headers()
    assert security.rejected is None

    rewrite(file, "unknown: 1")
    security.headers()
    assert security.rejected is not None
    assert security.rejected.what == "web configuration"

    rewrite(file, "{} ")
    security.headers()
    assert security.rejected is None
