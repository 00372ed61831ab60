"""The sources that read from another program: Redis, or a database."""

import re
from collections.abc import Callable, Sequence
from socket import gethostname
from typing import Any
from urllib.parse import parse_qs

from exporter.config import redis_url
from exporter.config.duration import format_duration
from exporter.config.extras import lacking
from exporter.config.kinds import split_url
from exporter.config.problem import Problems
from exporter.config.rules import Surroundings, digest, exactly_one, secret, secrets_can_be_had
from exporter.config.schema import KEY, REDIS_DEFAULTS, REDIS_URL, SQL_DEFAULTS, SQL_URL, STORAGE_DEFAULTS
from exporter.config.settings import RedisSource, SqlSource
from exporter.config.shapes import Item
from exporter.config.statement import Statement
from exporter.errors import ConfigurationError

TYPES = ("redis", "sql")
_URL_KEYS = ("url_file", "url_env", "url")
# Options of a database's URL that say where it is.
_PLACES = ("host", "port", "dbname", "database", "unix_socket")
# What alone of a key decides where a cluster has it: between the first brace and the next.
_HASH_TAG = re.compile(r"[^{]*\{[^}]+\}")
# What has to be unique with a key of Redis, and what to do otherwise.
_UNIQUE = {"list": (" at its url", ""), "stream": (" with its url, group and consumer", "; give each its own consumer")}


def check(source: Item, surroundings: Surroundings, problems: Problems) -> None:
    """What such a source says of itself."""
    _CHECKS[source.values["type"]](source, surroundings, problems)


def build(
    source: Item, surroundings: Surroundings, *, account: str | None, api: str | None, name: str
) -> RedisSource | SqlSource:
    """A source without mistakes as a value."""
    url = secret(source, "url", surroundings)
    if url is None:
        raise ConfigurationError([f"{source.path}: has no url"])
    left_out = ("type", "name", "account", "api", "stream", "list", *_URL_KEYS)
    given: dict[str, Any] = {key: value for key, value in source.values.items() if key not in left_out}
    given |= {"account": account, "api": api, "url": url, "name": name}
    if source.values["type"] == "sql":
        return SqlSource(**given, reads=digest(source, *_table(url.reveal()), " ".join(given["query"].split())))
    key = source.values.get("stream") or source.values["list"]
    given = {"consumer": gethostname()} | given
    return RedisSource(**given, key=key, is_stream="stream" in source.values, reads=_group(source, url.reveal()))


def check_keys(sources: Sequence[Item], surroundings: Surroundings, problems: Problems) -> None:
    """What two take from the same place each takes for what it had read itself before it was killed."""
    first: dict[tuple[str, ...], Item] = {}
    for source in sources:
        key = "stream" if "stream" in source.values else "list"
        if key not in source.values or (server := _redis_server(source, surroundings)) is None:
            continue
        other = first.setdefault((*server, key, *_reader(source, key)), source)
        if other is not source:
            wanted, remedy = _UNIQUE[key]
            got = f"got {source.values[key]}, the {key} of {other.path} (line {other.place(key).line})"
            problems.add(source.place(key), source.path_of(key), f"must be unique{wanted}, {got}{remedy}")


def check_retention(sources: Sequence[Item], storage: Item | None, problems: Problems) -> None:
    """What is read again must be known still, or it counts again."""
    asked = None if storage is None or not storage.given("retention") else storage
    if asked is not None and "retention" not in asked.values:
        return
    retention: float = STORAGE_DEFAULTS.retention if asked is None else asked.values["retention"]
    for source in (source for source in sources if source.values["type"] == "sql"):
        look_back: float = source.values.get("look_back", SQL_DEFAULTS.look_back)
        if look_back <= retention:
            continue
        if "look_back" in source.values or asked is None:
            message = (
                f"must be at most storage.retention ({format_duration(retention)}), got {format_duration(look_back)}"
            )
            problems.add(source.place("look_back"), source.path_of("look_back"), message)
        else:
            wanted = f"{source.path_of('look_back')} ({format_duration(look_back)})"
            message = f"must be at least {wanted}, got {format_duration(retention)}"
            problems.add(asked.place("retention"), asked.path_of("retention"), message)


def _redis_server(source: Item, surroundings: Surroundings) -> tuple[str, ...] | None:
    """Which database of which server, whoever the user is; None where that is not known."""
    try:
        url = secret(source, "url", surroundings)
        found = None if url is None else redis_url.parse(url.reveal())
    except ConfigurationError:
        return None
    return None if found is None else found.place


def _group(source: Item, url: str) -> str:
    """Stands for the group that an unnamed source reads."""
    found = redis_url.parse(url)
    return (
        digest(source, *(found.place if found else ()), *_reader(source, "stream")[:2])
        if "stream" in source.values
        else ""
    )


def _reader(source: Item, key: str) -> tuple[str, ...]:
    if key == "list":
        return (source.values[key],)
    return (
        source.values[key],
        source.values.get("group", REDIS_DEFAULTS.group),
        source.values.get("consumer", gethostname()),
    )


def _check_redis(source: Item, surroundings: Surroundings, problems: Problems) -> None:
    exactly_one(source, ("stream", "list"), problems, missing=f"must be {KEY.requirement}; or give list")
    url = _check_url(source, REDIS_URL.requirement, REDIS_URL.fits, _redis_has_password, surroundings, problems)
    if url is not None:
        _check_hash_tag(source, url, problems)
    _check_packages(source, "redis", problems)


def _check_hash_tag(source: Item, url: str, problems: Problems) -> None:
    """A cluster takes no transaction over keys of several nodes."""
    found = redis_url.parse(url)
    name = "stream" if "stream" in source.values else "list"
    key = source.values.get(name)
    if found is None or found.kind != redis_url.CLUSTER or key is None or _HASH_TAG.match(key):
        return
    what = "must have a hash tag such as {lsq}, for a cluster has its poison on another node otherwise"
    problems.add(source.place(name), source.path_of(name), f"{what}, got {key}")


def _check_sql(source: Item, surroundings: Surroundings, problems: Problems) -> None:
    url = _check_url(source, SQL_URL.requirement, SQL_URL.fits, _has_password, surroundings, problems)
    if url is not None:
        _check_packages(source, SQL_URL.database(url), problems)
    query = source.values.get("query")
    if query is not None and (wanted := Statement(query).mistake()) is not None:
        problems.add(source.place("query"), source.path_of("query"), f"must be {wanted}")


def _check_packages(source: Item, extra: str, problems: Problems) -> None:
    if (told := lacking(extra)) is not None:
        problems.add(source.place("type"), source.path_of("type"), told)


def _check_url(
    source: Item,
    requirement: str,
    fits: Callable[[str], bool],
    has_password: Callable[[str], bool],
    surroundings: Surroundings,
    problems: Problems,
) -> str | None:
    """The URL, where it is one; it is in no message."""
    missing = "must be the path of a file that holds the URL; or give url_env or url"
    exactly_one(source, _URL_KEYS, problems, missing=missing)
    before = len(problems.errors)
    secrets_can_be_had(source, "url", surroundings, problems)
    found = secret(source, "url", surroundings)
    if found is None or len(problems.errors) > before:
        return None
    name = next(name for name in _URL_KEYS if name in source.values)
    url = found.reveal()
    if not fits(url):
        problems.add(source.place(name), source.path_of(name), f"must hold {requirement}")
        return None
    if name == "url" and has_password(url):
        message = "prefer url_file or url_env; whoever reads this file has the password"
        problems.warn(source.place(name), source.path_of(name), message)
    return url


def _table(url: str) -> tuple[str, ...]:
    """Which database: not as whom, nor with which options, since another password leads to the same rows."""
    parts = split_url(url)
    if parts is None:
        return (url,)
    given = parse_qs(parts.query)
    named = (f"{name} {given[name][0]}" for name in _PLACES if name in given)
    return SQL_URL.database(url), f"{parts.hostname}:{parts.port}", parts.path or str(parts.username), *named


def _redis_has_password(url: str) -> bool:
    found = redis_url.parse(url)
    return found is None or found.has_password


def _has_password(url: str) -> bool:
    """In front of the host, or in the query, as the URL of a socket has it."""
    parts = split_url(url)
    return parts is None or parts.password is not None or "password" in parts.query


_CHECKS: dict[str, Callable[[Item, Surroundings, Problems], None]] = {"redis": _check_redis, "sql": _check_sql}
