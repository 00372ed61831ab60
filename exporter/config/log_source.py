"""The `log` source: what its keys have to do with each other, and its value."""

from collections.abc import Sequence
from pathlib import Path

from exporter.config.problem import Problems
from exporter.config.rules import digest, patterns
from exporter.config.settings import LogSource
from exporter.config.shapes import Item

STANDARD_INPUT = "-"


def check(logs: Sequence[Item], accounts: Sequence[Item], problems: Problems) -> None:
    for source in logs:
        groups = source.values["pattern"].groupindex if "pattern" in source.values else ("account",)
        if not source.given("account") and "account" not in groups and len(accounts) > 1:
            message = "is missing; must be the name of an account, or pattern must have the group (?P<account>…)"
            problems.add(source.position, source.path_of("account"), message)
    _check_standard_input(logs, problems)


def _check_standard_input(logs: Sequence[Item], problems: Problems) -> None:
    readers = [source for source in logs if STANDARD_INPUT in source.values.get("paths", ())]
    for source in readers[1:]:
        message = f"can't read standard input: {readers[0].path} does"
        problems.add(source.place("paths"), source.path_of("paths"), message)


def build(source: Item, name: str, *, account: str | None, api: str | None, folder: Path) -> LogSource:
    values = source.values
    files = [path for path in values["paths"] if path != STANDARD_INPUT]
    standard_input = (STANDARD_INPUT,) if len(files) < len(values["paths"]) else ()
    return LogSource(
        account=account,
        api=api,
        paths=(*standard_input, *patterns(files, folder)),
        pattern=values["pattern"],
        read_from=values.get("read_from", "beginning"),
        name=name,
        reads=digest(source, values["pattern"].pattern),
    )
