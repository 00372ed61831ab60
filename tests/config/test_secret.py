import dataclasses
import os
from pathlib import Path

import pytest

from exporter.config.secret import EnvironmentSecret, FileSecret, InlineSecret
from exporter.config.settings import Account, Secret
from exporter.errors import ConfigurationError


def test_the_last_line_break_is_not_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cr3t\r\n")
    assert FileSecret(tmp_path / "key").reveal() == "s3cr3t"


def test_a_rewritten_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first")
    os.utime(path, (1, 1))
    secret = FileSecret(path)
    assert secret.reveal() == "first"
    path.write_text("other")
    assert secret.reveal() == "other"


def test_the_swapped_link_of_a_mounted_secret_is_seen(tmp_path: Path) -> None:
    for version, value in (("..1", "first"), ("..2", "other")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(value)
        os.utime(tmp_path / version / "key", (1, 1))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "key").symlink_to("..data/key")
    secret = FileSecret(tmp_path / "key")
    assert secret.reveal() == "first"
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert secret.reveal() == "other"


def test_a_file_that_went_away_is_told_until_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first")
    secret = FileSecret(path)
    secret.reveal()
    path.unlink()
    with pytest.raises(ConfigurationError, match="key: there is no such file"):
        secret.reveal()
    path.write_text("other")
    assert secret.reveal() == "other"


def test_a_pipe_is_refused_before_it_can_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="pipe: it is not a file"):
        FileSecret(tmp_path / "pipe").reveal()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"a b", "it must hold one line of visible ASCII characters and nothing else"),
        (b"a\nb", "it must hold one line of visible ASCII characters and nothing else"),
        (b"\xffs3cr3t", "it must hold one line of visible ASCII characters and nothing else"),
        (b"x" * 16385, "it is longer than 16384 bytes"),
    ],
)
def test_a_file_without_a_usable_secret_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        FileSecret(path).reveal()
    assert str(caught.value) == f"{path}: {reason}"


def test_a_variable_gives_what_it_has_now() -> None:
    environment = {"KEY": "first"}
    secret = EnvironmentSecret("KEY", environment)
    assert secret.reveal() == "first"
    environment["KEY"] = "other"
    assert secret.reveal() == "other"


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "KEY: it is not set"),
        ({"KEY": ""}, "KEY: it is empty"),
        ({"KEY": "s3 cr3t"}, "KEY: it must hold visible ASCII characters and nothing else"),
    ],
)
def test_a_variable_without_a_usable_secret_is_refused(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        EnvironmentSecret("KEY", environment).reveal()
    assert str(caught.value) == reason


@pytest.fixture(params=["file", "environment", "inline"])
def secret(request: pytest.FixtureRequest, tmp_path: Path) -> Secret:
    (tmp_path / "key").write_text("s3cr3t")
    secrets: dict[str, Secret] = {
        "file": FileSecret(tmp_path / "key"),
        "environment": EnvironmentSecret("KEY", {"KEY": "s3cr3t"}),
        "inline": InlineSecret("s3cr3t"),
    }
    return secrets[str(request.param)]


def test_a_secret_is_never_shown(secret: Secret) -> None:
    assert secret.reveal() == "s3cr3t"
    account = Account(name="acme", base_url="https://example.com", api_key=secret)
    assert "s3cr3t" not in f"{secret} {secret!r} {account} {dataclasses.asdict(account)}"


def test_secrets_from_the_same_place_are_equal() -> None:
    assert FileSecret(Path("a")) == FileSecret(Path("a"))
    assert FileSecret(Path("a")) != FileSecret(Path("b"))
    assert EnvironmentSecret("A", {}) == EnvironmentSecret("A", {})
    assert EnvironmentSecret("A", {}) != EnvironmentSecret("B", {})
    assert InlineSecret("a") == InlineSecret("a")
    assert InlineSecret("a") != InlineSecret("b")
    everywhere: set[Secret] = {FileSecret(Path("a")), EnvironmentSecret("a", {}), InlineSecret("a")}
    assert len(everywhere) == 3
