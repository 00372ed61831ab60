"""Keys and tokens: had when they are needed, shown never.

These are no dataclasses on purpose: `dataclasses.asdict` of the settings must not take the value out of its cover.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from exporter.config import file
from exporter.errors import ConfigurationError

_LONGEST = 16 * 1024
# What a header can carry; a stray blank or line break would otherwise fail in the middle of a call.
_FIT = re.compile(r"[\x21-\x7e]+")
_FIT_WITH_BLANKS = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_CONVENTIONAL_NAME = re.compile("[A-Z_][A-Z0-9_]*")


def fit(value: str, *, blanks: bool = False) -> bool:
    """Whether a key or token can be sent in a header; `blanks` may stand within the value of a whole header."""
    return (_FIT_WITH_BLANKS if blanks else _FIT).fullmatch(value) is not None


class FileSecret:
    """The content of a file without its last line break, read again when another file is found under the path.

    The state is that of the file behind all links, so the swapped links of a mounted Kubernetes Secret are seen too.
    """

    __slots__ = ("_blanks", "_path", "_state", "_value")

    def __init__(self, path: Path, *, blanks: bool = False) -> None:
        self._path = path
        self._blanks = blanks
        self._state: tuple[int, ...] = ()
        self._value = ""

    def reveal(self) -> str:
        found = file.state(self._path)
        state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if state != self._state:
            self._value, self._state = self._read(), state
        return self._value

    def _read(self) -> str:
        value = file.read(self._path, limit=_LONGEST).decode("latin-1").rstrip("\r\n")
        if not value:
            raise ConfigurationError([f"{self._path}: it is empty"])
        if not fit(value, blanks=self._blanks):
            raise ConfigurationError(
                [f"{self._path}: it must hold one line of visible ASCII characters and nothing else"]
            )
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileSecret) and other._path == self._path

    def __hash__(self) -> int:
        return hash(self._path)

    def __repr__(self) -> str:
        return f"<secret in {self._path}>"


class EnvironmentSecret:
    """The value of an environment variable."""

    __slots__ = ("_blanks", "_environment", "_name")

    def __init__(self, name: str, environment: Mapping[str, str], *, blanks: bool = False) -> None:
        self._blanks = blanks
        self._name = name
        self._environment = environment

    def reveal(self) -> str:
        value = self._environment.get(self._name)
        if value is None:
            raise ConfigurationError([f"{self._shown()}: it is not set"])
        if not value:
            raise ConfigurationError([f"{self._shown()}: it is empty"])
        if not fit(value, blanks=self._blanks):
            raise ConfigurationError([f"{self._shown()}: it must hold visible ASCII characters and nothing else"])
        return value

    def _shown(self) -> str:
        """A key that was given in place of the name passes for a name; such a name is not repeated."""
        return self._name if _CONVENTIONAL_NAME.fullmatch(self._name) else f"a name of {len(self._name)} characters"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnvironmentSecret) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"<secret in the environment: {self._shown()}>"


class InlineSecret:
    """A value that stands in the configuration itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InlineSecret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "<secret>"
