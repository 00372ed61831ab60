"""The `http` source: what its keys have to do with each other, and its value."""

from exporter.config import tls as tls_rules
from exporter.config.kinds import is_loopback, split_url
from exporter.config.problem import Problems
from exporter.config.rules import Surroundings, at_most_one, exactly_one, secret, secrets_can_be_had
from exporter.config.schema import HTTP_INTERVAL, HTTP_TIMEOUT
from exporter.config.settings import HttpSource, Secret
from exporter.config.shapes import Item
from exporter.errors import ConfigurationError


def check(source: Item, surroundings: Surroundings, problems: Problems) -> None:
    at_most_one(source, ("token_file", "token_env"), problems)
    secrets_can_be_had(source, "token", surroundings, problems)
    headers: list[Item] = source.values.get("headers", [])
    for header in headers:
        _check_header(header, source, surroundings, problems)
    _check_clear_text(source, problems)
    if (tls := source.values.get("tls")) is not None:
        tls_rules.check(tls, source, "url", surroundings.folder, problems)


def _check_header(header: Item, source: Item, surroundings: Surroundings, problems: Problems) -> None:
    missing = "must be the path of a file that holds the value; or give value_env or value"
    exactly_one(header, ("value_file", "value_env", "value"), problems, missing=missing)
    secrets_can_be_had(header, "value", surroundings, problems)
    name = header.values.get("name", "")
    if name.lower() == "authorization" and (source.given("token_file") or source.given("token_env")):
        problems.add(header.place("name"), header.path_of("name"), "must not stand beside a token, which goes there")


def _check_clear_text(source: Item, problems: Problems) -> None:
    parts = split_url(source.values.get("url", ""))
    sends_secret = any(source.given(name) for name in ("token_file", "token_env", "headers"))
    if parts is not None and parts.scheme == "http" and sends_secret and not is_loopback(parts.hostname or ""):
        message = "is http://: the token and the headers cross the network in clear text"
        problems.warn(source.place("url"), source.path_of("url"), message)


def build(source: Item, name: str, *, account: str | None, api: str | None, surroundings: Surroundings) -> HttpSource:
    values = source.values
    headers: list[Item] = values.get("headers", [])
    return HttpSource(
        account=account,
        api=api,
        url=values["url"],
        interval=values.get("interval", HTTP_INTERVAL),
        timeout=values.get("timeout", HTTP_TIMEOUT),
        headers=tuple(_header(header, surroundings) for header in headers),
        token=secret(source, "token", surroundings),
        tls=tls_rules.settings(values.get("tls"), surroundings.folder),
        name=name,
    )


def _header(header: Item, surroundings: Surroundings) -> tuple[str, Secret]:
    value = secret(header, "value", surroundings)
    if value is None:
        raise ConfigurationError([f"{header.path}: has no value"])
    return header.values["name"], value
