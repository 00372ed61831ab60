"""Which build this is."""

import os
import platform
import re
from pathlib import Path

from exporter import __version__

_ENVIRONMENT = "LEADSQUARED_EXPORTER_REVISION"
_REPOSITORY = Path(__file__).parents[1] / ".git"
_REVISION = re.compile("[0-9a-f]{7,64}")


def version() -> str:
    return __version__


def revision() -> str:
    """The commit: of the image by its environment, of a checkout by its repository, else `unknown`."""
    return os.environ.get(_ENVIRONMENT) or _checked_out(_REPOSITORY) or "unknown"


def python_version() -> str:
    return platform.python_version()


def describe() -> str:
    """The line that `--version` prints."""
    return f"leadsquared-exporter, version {version()} (revision {revision()}, python {python_version()})"


def _checked_out(repository: Path) -> str:
    """Reads the files of git itself: starting git would cost more than all the rest of `--version`."""
    head = _read(repository / "HEAD")
    if not head.startswith("ref: "):
        return head if _REVISION.fullmatch(head) else ""
    reference = head.removeprefix("ref: ")
    return _read(repository / reference) or _packed(repository, reference)


def _packed(repository: Path, reference: str) -> str:
    for line in _read(repository / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return commit
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return ""
