"""Flags as data, and the parser made of them.

Each flag may also be given by an environment variable; the command line wins. A mistake is told in one line and ends the
process with status 2.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from exporter.errors import ExporterError

PREFIX: Final = "LEADSQUARED_EXPORTER_"
_TRUE = ("true", "yes", "1")
_FALSE = ("false", "no", "0")
USAGE: Final = 2


class UsageError(ExporterError):
    """Flags that do not go together: wrong usage, status 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """`--name METAVAR`, or an on/off `--name`, `--no-name` without a metavar.

    `check` takes a value and returns what is allowed instead, or None where it fits. A repeatable flag has a tuple of values;
    in its environment variable commas part them. `default` None means that there is nothing unless it is given.
    """

    name: str
    help: str
    metavar: str | None = None
    default: str | None = None
    repeatable: bool = False
    choices: tuple[str, ...] = ()
    check: Callable[[str], str | None] | None = None

    @property
    def key(self) -> str:
        """Where the parsed value is found."""
        return self.name.replace(".", "_").replace("-", "_")

    @property
    def variable(self) -> str:
        return PREFIX + self.key.upper()

    def read(self, text: str) -> str:
        """Raises ValueError with what is allowed."""
        if self.choices and text not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}, got {text}")
        requirement = self.check(text) if self.check else None
        if requirement is not None:
            raise ValueError(f"{requirement}, got {text}")
        return text

    def from_environment(self, text: str) -> Any:
        """Raises ValueError with what is allowed."""
        if self.metavar is None:
            return _switch(text)
        if self.repeatable:
            return tuple(self.read(part.strip()) for part in text.split(",") if part.strip())
        return self.read(text)

    @property
    def preset(self) -> Any:
        """The value where it is given nowhere."""
        if self.metavar is None:
            return False
        if self.repeatable:
            return () if self.default is None else (self.default,)
        return self.default


class Parser(argparse.ArgumentParser):
    """One command: its declared flags, and whatever else it adds in the way of argparse."""

    def __init__(self, *, prog: str, description: str, usage: str | None = None, epilog: str | None = None) -> None:
        # Every argument, for the manual; the help is the first.
        self.actions: list[argparse.Action] = []
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.flags: tuple[Flag, ...] = ()

    def declare(self, flags: Sequence[Flag]) -> None:
        for flag in flags:
            self._declare(flag)
        self.flags += tuple(flags)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        action = super().add_argument(*names, **options)
        self.actions.append(action)
        return action

    def read(self, arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
        """Ends the process with status 2 on a mistake, with 0 after --help."""
        found = self.parse_args(arguments)
        for flag in self.flags:
            given = getattr(found, flag.key)
            if given is None:
                given = self._otherwise(flag, environment)
            setattr(found, flag.key, tuple(given) if flag.repeatable else given)
        return found

    def error(self, message: str) -> NoReturn:
        """One line: the usage of a dozen flags would hide it."""
        self.exit(USAGE, f"{self.prog}: error: {message}, try --help\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if message:
            sys.stderr.write(message)
        sys.exit(status)

    def _declare(self, flag: Flag) -> None:
        if flag.metavar is None:
            self.add_argument(
                f"--{flag.name}", dest=flag.key, action=argparse.BooleanOptionalAction, help=_help(flag), default=None
            )
            return
        self.add_argument(
            f"--{flag.name}",
            dest=flag.key,
            action="append" if flag.repeatable else "store",
            metavar=flag.metavar,
            type=_reader(flag),
            help=_help(flag),
        )

    def _otherwise(self, flag: Flag, environment: Mapping[str, str]) -> Any:
        # An empty variable is how compose files and charts say "not set".
        text = environment.get(flag.variable, "").strip()
        if not text:
            return flag.preset
        try:
            return flag.from_environment(text)
        except ValueError as error:
            self.error(f"environment variable {flag.variable}: {error}")


def _help(flag: Flag) -> str:
    default = f" (default {flag.default})" if flag.default is not None else ""
    again = "; can be given again" if flag.repeatable else ""
    return f"{flag.help}{again}{default} [{flag.variable}]".replace("%", "%%")


def _reader(flag: Flag) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            return flag.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def _switch(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"must be true or false, got {text}")
