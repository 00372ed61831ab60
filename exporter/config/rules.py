"""Rules over several keys, used by more than one section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from hashlib import blake2b
from pathlib import Path

from exporter.config.problem import Problems
from exporter.config.secret import EnvironmentSecret, FileSecret, InlineSecret
from exporter.config.settings import Secret
from exporter.config.shapes import Item
from exporter.errors import ConfigurationError

# The value of a header may be two words, as `Bearer TOKEN` is.
_WITH_BLANKS = ("value",)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the configuration refers to: relative paths start in `folder`, that of the configuration file."""

    folder: Path
    environment: Mapping[str, str]


def at_most_one(item: Item, names: Sequence[str], problems: Problems) -> None:
    """Each further key is a mistake, in the order of the file."""
    given = sorted((name for name in names if item.given(name)), key=lambda name: item.keys[name])
    for name in given[1:]:
        message = f"must not stand beside {given[0]}; keep one of {', '.join(names)}"
        problems.add(item.keys[name], item.path_of(name), message)


def exactly_one(item: Item, names: Sequence[str], problems: Problems, *, missing: str) -> None:
    at_most_one(item, names, problems)
    if not any(item.given(name) for name in names):
        problems.add(item.position, item.path_of(names[0]), f"is missing; {missing}")


def unique_names(items: Sequence[Item], problems: Problems) -> None:
    first: dict[str, Item] = {}
    for item in items:
        name = item.values.get("name")
        if name is None:
            continue
        other = first.setdefault(name, item)
        if other is not item:
            message = f"must be unique, got {name}, the name of {other.path} (line {other.place('name').line})"
            problems.add(item.place("name"), item.path_of("name"), message)


def digest(item: Item, *what: str) -> str:
    """What an item reads, in short, where it has no name; nothing where it has one. No name has a colon."""
    if "name" in item.values:
        return ""
    return f"{item.values['type']}:{blake2b(chr(0).join(what).encode(), digest_size=8).hexdigest()}"


def patterns(given: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Absolute ones. A wildcard is one in the paths themselves only, not in the folder that the configuration lies in."""
    return tuple(str(Path(escape(str(folder))) / path) for path in given)


def secret(item: Item, stem: str, surroundings: Surroundings) -> Secret | None:
    """The secret that STEM_file, STEM_env or STEM names, in this order; None without any."""
    if (path := item.values.get(f"{stem}_file")) is not None:
        return FileSecret(surroundings.folder / path, blanks=stem in _WITH_BLANKS)
    if (name := item.values.get(f"{stem}_env")) is not None:
        return EnvironmentSecret(name, surroundings.environment, blanks=stem in _WITH_BLANKS)
    value = item.values.get(stem)
    return None if value is None else InlineSecret(value)


def secrets_can_be_had(item: Item, stem: str, surroundings: Surroundings, problems: Problems) -> None:
    """Every secret that is named, also where one is named too many."""
    if (path := item.values.get(f"{stem}_file")) is not None:
        found = FileSecret(surroundings.folder / path, blanks=stem in _WITH_BLANKS)
        _can_be_had(found, item, f"{stem}_file", "a file that holds the", problems)
    if (name := item.values.get(f"{stem}_env")) is not None:
        variable = EnvironmentSecret(name, surroundings.environment, blanks=stem in _WITH_BLANKS)
        _can_be_had(variable, item, f"{stem}_env", "the name of an environment variable that holds the", problems)


def _can_be_had(secret: Secret, item: Item, name: str, requirement: str, problems: Problems) -> None:
    what = {"token": "token", "url": "URL", "value": "value"}.get(name.partition("_")[0], "key")
    try:
        secret.reveal()
    except ConfigurationError as error:
        problems.add(item.place(name), item.path_of(name), f"must be {requirement} {what}, got {error}")
