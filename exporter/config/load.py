"""From a file to the settings, or to all its mistakes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exporter.config import accounts as account_rules
from exporter.config import document, file, services
from exporter.config import references as reference_rules
from exporter.config import sources as source_rules
from exporter.config.document import Node, Scalar
from exporter.config.duration import format_duration
from exporter.config.problem import Position, Problem, Problems, told
from exporter.config.rules import Surroundings
from exporter.config.schema import POLLING_DEFAULTS, ROOT
from exporter.config.settings import Cache, Metrics, Polling, Settings, Storage
from exporter.config.shapes import Item
from exporter.config.walker import Walker
from exporter.errors import ConfigurationError

_LONGEST = 16 * 1024 * 1024
_START = Position(1, 1)


def load(path: str | Path, *, environment: Mapping[str, str]) -> Settings:
    """The settings, with warnings in `warnings`. ConfigurationError with a line for each mistake, in the order of the file.

    Keys, tokens and the files of sources are looked for from the configuration file's folder.
    """
    name = str(path)
    problems = Problems()
    surroundings = Surroundings(Path(path).parent, environment)
    item = _walk(_text(name), problems)
    if item is not None:
        _check(item, surroundings, problems)
    if item is None or problems.errors:
        raise ConfigurationError(told(problems.errors, name))
    return _build(item, surroundings, tuple(told(problems.warnings, name)))


def _text(name: str) -> str:
    try:
        content = file.read(Path(name), limit=_LONGEST)
    except ConfigurationError as error:
        raise ConfigurationError([f"{error}; --config.file names the configuration file"]) from error
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        position = Position(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        message = f"must be UTF-8 text, got the byte 0x{content[error.start]:02x}"
        raise ConfigurationError([Problem(position, "", message).told(name)]) from error


def _walk(text: str, problems: Problems) -> Item | None:
    node: Node | Problem | None = document.parse(text)
    if isinstance(node, Problem):
        problems.errors.append(node)
        return None
    item = Walker(problems).read(node or Scalar(_START, "", quoted=False), ROOT, "")
    return item if isinstance(item, Item) else None


def _check(item: Item, surroundings: Surroundings, problems: Problems) -> None:
    accounts: Sequence[Item] = item.values.get("accounts", ())
    account_rules.check(accounts, surroundings, problems, queue_metrics_interval=_queue_metrics_interval(item))
    sources: Sequence[Item] = item.values.get("sources", ())
    source_rules.check(sources, surroundings, problems)
    if _accounts_are_known(accounts, problems):
        source_rules.check_accounts(sources, accounts, problems)
    if not sources:
        problems.warn(item.place("sources"), "sources", "has no source; without one nothing is watched")
    if "polling" in item.values:
        _check_polling(item.values["polling"], problems)
    if not item.values.get("references", False):
        reference_rules.check(sources, problems)
    if "storage" in item.values:
        _check_storage(item.values["storage"], problems)
    services.check_retention(sources, item.values.get("storage"), problems)


def _accounts_are_known(accounts: Sequence[Item], problems: Problems) -> bool:
    """Whether every account that was meant is there and has its name; if not, an unknown account is no mistake of a source."""
    lost = any(re.fullmatch(r"accounts(\[[0-9]+\])?", problem.path) for problem in problems.errors)
    return not lost and all("name" in account.values for account in accounts)


def _check_polling(polling: Item, problems: Problems) -> None:
    give_up: float = polling.values.get("give_up_after", POLLING_DEFAULTS.give_up_after)
    grace: float = polling.values.get("error_grace", POLLING_DEFAULTS.error_grace)
    if polling.sound and give_up < grace:
        name = "give_up_after" if polling.given("give_up_after") else "error_grace"
        message = (
            f"give_up_after ({format_duration(give_up)}) is shorter than error_grace ({format_duration(grace)}): "
            "a request in ERROR is given up before the error is final"
        )
        problems.warn(polling.place(name), polling.path_of(name), message)


def _check_storage(storage: Item, problems: Problems) -> None:
    """A warning only: the file may be checked on another machine than it is made for."""
    scheme, _, path = storage.values.get("url", "").partition(":///")
    if scheme == "sqlite" and not Path(path).parent.is_dir():
        message = f"the folder {Path(path).parent} does not exist; without it the exporter does not start"
        problems.warn(storage.place("url"), storage.path_of("url"), message)


def _build(item: Item, surroundings: Surroundings, warnings: tuple[str, ...]) -> Settings:
    accounts = item.values["accounts"]
    return Settings(
        accounts=tuple(account_rules.build(account, surroundings) for account in accounts),
        sources=source_rules.build(item.values.get("sources", ()), accounts, surroundings),
        polling=Polling(**_given(item, "polling")),
        queue_metrics_interval=_queue_metrics_interval(item),
        cache=Cache(**_given(item, "cache")),
        storage=Storage(**_given(item, "storage")),
        references=item.values.get("references", False),
        metrics=_metrics(_given(item, "metrics")),
        warnings=warnings,
    )


def _queue_metrics_interval(item: Item) -> float:
    interval: float = _given(item, "queue_metrics").get("interval", Settings(accounts=()).queue_metrics_interval)
    return interval


def _given(item: Item, name: str) -> dict[str, Any]:
    section: Item | None = item.values.get(name)
    return {} if section is None else section.values


def _metrics(given: dict[str, Any]) -> Metrics:
    buckets = given.get("duration_buckets")
    return Metrics(**({**given, "duration_buckets": tuple(buckets)} if isinstance(buckets, list) else given))
