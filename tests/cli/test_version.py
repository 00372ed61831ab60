import platform
from pathlib import Path

import pytest

from exporter import __version__, version

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("packed_refs", "packed-refs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(version, "_REPOSITORY", tmp_path)
    monkeypatch.delenv("LEADSQUARED_EXPORTER_REVISION", raising=False)


def test_the_revision_of_an_image_is_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSQUARED_EXPORTER_REVISION", "abc")

    assert version.describe() == (
        f"leadsquared-exporter, version {__version__} (revision abc, python {platform.python_version()})"
    )


def test_the_revision_of_a_checkout_is_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(tmp_path, monkeypatch, HEAD="ref: refs/heads/main\n", refs__heads__main=f"{COMMIT}\n")

    assert version.revision() == COMMIT


def test_packed_references_are_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = f"# pack-refs with: peeled fully-peeled sorted\n{COMMIT} refs/heads/main\n"
    repository(tmp_path, monkeypatch, HEAD="ref: refs/heads/main\n", packed_refs=packed)

    assert version.revision() == COMMIT


def test_a_detached_checkout_has_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(tmp_path, monkeypatch, HEAD=f"{COMMIT}\n")

    assert version.revision() == COMMIT


@pytest.mark.parametrize("head", ["", "nonsense", "ref: refs/heads/unborn"])
def test_without_a_commit_the_revision_is_unknown(head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(tmp_path, monkeypatch, HEAD=head)

    assert version.revision() == "unknown"
