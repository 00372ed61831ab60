from pathlib import Path

import pytest

from exporter.config import extras
from exporter.config.load import load
from exporter.errors import ConfigurationError

ACCOUNT = "accounts: [{name: acme, region: us, api_key_env: KEY}]\n"
SQL = "cursor: id, query: 'select request_id from t where id > :cursor order by id'"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "type: redis, url: redis://localhost, stream: x",
            "needs redis, which is not installed: pip install 'leadsquared-exporter[redis]'",
        ),
        (
            f"type: sql, url: postgresql://localhost/x, {SQL}",
            "needs sqlalchemy, greenlet, asyncpg, which are not installed: pip install 'leadsquared-exporter[postgresql]'",
        ),
        (
            f"type: sql, url: mariadb://localhost/x, {SQL}",
            "needs sqlalchemy, greenlet, asyncmy, which are not installed: pip install 'leadsquared-exporter[mysql]'",
        ),
        (
            f"type: sql, url: 'sqlite:///./x.db', {SQL}",
            "needs sqlalchemy, greenlet, aiosqlite, which are not installed: pip install 'leadsquared-exporter[sqlite]'",
        ),
    ],
)
def test_a_source_whose_packages_are_not_installed_says_what_to_install(
    source: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    path = tmp_path / "config.yaml"
    path.write_text(f"{ACCOUNT}sources: [{{{source}}}]\n")
    with pytest.raises(ConfigurationError) as caught:
        load(path, environment={"KEY": "key"})
    assert caught.value.problems == [f"{path}:2:18: sources[0].type: {told}"]


def test_a_zone_that_can_not_be_looked_up_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    path = tmp_path / "config.yaml"
    source = f"type: sql, url: 'sqlite:///./x.db', {SQL}"
    path.write_text(f"{ACCOUNT}sources: [{{{source}, timezone: Europe/Berlin}}, {{{source}, timezone: UTC}}]\n")
    with pytest.raises(ConfigurationError) as caught:
        load(path, environment={"KEY": "key"})
    rule = "must be UTC: no other time zone is known here, until the package tzdata is installed"
    assert caught.value.problems == [f"{path}:2:136: sources[0].timezone: {rule}, got Europe/Berlin"]
