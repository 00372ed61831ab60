"""Reading the small files that a configuration consists of."""

import stat
from os import stat_result
from pathlib import Path

from exporter.errors import ConfigurationError


def read(path: Path, *, limit: int) -> bytes:
    """The whole file. ConfigurationError, with the path and the reason in one line, where it can't be had."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ConfigurationError([f"{path}: {reason(error)}"]) from error
    if len(content) > limit:
        raise ConfigurationError([f"{path}: it is longer than {limit} bytes"])
    return content


def state(path: Path) -> stat_result:
    """The state of the regular file behind all links. Opening anything else could wait for ever."""
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigurationError([f"{path}: {reason(error)}"]) from error
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError([f"{path}: it is not a file"])
    return found


def reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is not a file"
    if isinstance(error, PermissionError):
        return "this user may not read it"
    return error.strerror or "it can't be read"
