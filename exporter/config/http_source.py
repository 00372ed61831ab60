"""The `http` source: what its keys have to do with each other, and its value."""

from pathlib import Path

from exporter.config.kinds import is_loopback, split_url
from exporter.config.problem import Problems
from exporter.config.rules import Surroundings, at_most_one, exactly_one, secret, secrets_can_be_had
from exporter.config.schema import HTTP_INTERVAL, HTTP_TIMEOUT
from exporter.config.settings import HttpSource, Secret, Tls
from exporter.config.shapes import Item
from exporter.config.tls import client_context
from exporter.errors import ConfigurationError

_TLS_FILES = ("ca_file", "cert_file", "key_file")


def check(source: Item, surroundings: Surroundings, problems: Problems) -> None:
    at_most_one(source, ("token_file", "token_env"), problems)
    secrets_can_be_had(source, "token", surroundings, problems)
    headers: list[Item] = source.values.get("headers", [])
    for header in headers:
        _check_header(header, source, surroundings, problems)
    _check_clear_text(source, problems)
    if (tls := source.values.get("tls")) is not None:
        _check_tls(tls, source, surroundings, problems)


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


def _check_tls(tls: Item, source: Item, surroundings: Surroundings, problems: Problems) -> None:
    if tls.given("key_file") and not tls.given("cert_file"):
        problems.add(
            tls.position, tls.path_of("cert_file"), "is missing; must be the certificate of the key in key_file"
        )
    if str(source.values.get("url", "")).startswith("http://"):
        problems.add(source.keys["tls"], source.path_of("tls"), "must not be given for an http:// url")
    if not tls.sound:
        return
    try:
        client_context(_tls(tls, surroundings.folder))
    except ConfigurationError as error:
        name = next((name for name in _TLS_FILES if name in tls.values), "ca_file")
        problems.add(tls.place(name), tls.path_of(name), str(error))


def build(source: Item, name: str, *, account: str | None, api: str | None, surroundings: Surroundings) -> HttpSource:
    values = source.values
    tls = values.get("tls")
    headers: list[Item] = values.get("headers", [])
    return HttpSource(
        account=account,
        api=api,
        url=values["url"],
        interval=values.get("interval", HTTP_INTERVAL),
        timeout=values.get("timeout", HTTP_TIMEOUT),
        headers=tuple(_header(header, surroundings) for header in headers),
        token=secret(source, "token", surroundings),
        tls=Tls() if tls is None else _tls(tls, surroundings.folder),
        name=name,
    )


def _header(header: Item, surroundings: Surroundings) -> tuple[str, Secret]:
    value = secret(header, "value", surroundings)
    if value is None:
        raise ConfigurationError([f"{header.path}: has no value"])
    return header.values["name"], value


def _tls(tls: Item, folder: Path) -> Tls:
    files = {name: str(folder / tls.values[name]) for name in _TLS_FILES if name in tls.values}
    return Tls(**files, server_name=tls.values.get("server_name"))
