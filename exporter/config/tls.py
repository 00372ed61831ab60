"""TLS of clients: the rules between its keys, its value, and the context made of it."""

import ssl
from pathlib import Path

from exporter.config import file
from exporter.config.problem import Problems
from exporter.config.settings import Tls
from exporter.config.shapes import Item
from exporter.errors import ConfigurationError

_FILES = ("ca_file", "cert_file", "key_file")


def check(tls: Item, owner: Item, url_key: str, folder: Path, problems: Problems) -> None:
    """`owner` has the section `tls` and a URL under `url_key`."""
    if tls.given("key_file") and not tls.given("cert_file"):
        problems.add(
            tls.position, tls.path_of("cert_file"), "is missing; must be the certificate of the key in key_file"
        )
    if str(owner.values.get(url_key, "")).lower().startswith("http://"):
        problems.add(owner.keys["tls"], owner.path_of("tls"), f"must not be given for an http:// {url_key}")
    if not tls.sound:
        return
    try:
        client_context(settings(tls, folder))
    except ConfigurationError as error:
        name = next((name for name in _FILES if name in tls.values), "ca_file")
        problems.add(tls.place(name), tls.path_of(name), str(error))


def settings(tls: Item | None, folder: Path) -> Tls:
    """Paths start in `folder`."""
    if tls is None:
        return Tls()
    files = {name: str(folder / tls.values[name]) for name in _FILES if name in tls.values}
    return Tls(**files, server_name=tls.values.get("server_name"))


def client_context(tls: Tls) -> ssl.SSLContext:
    """Trusts the authorities in `ca_file`, or those of the system. Raises ConfigurationError with the file and why."""
    for path in (tls.ca_file, tls.cert_file, tls.key_file):
        if path is not None:
            file.state(Path(path))
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{tls.ca_file}: it must hold certificates in PEM format"]) from error
    if tls.cert_file is not None:
        _load_own(context, tls.cert_file, tls.key_file)
    return context


def _load_own(context: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    try:
        # Without the password an encrypted key would make OpenSSL ask the terminal.
        context.load_cert_chain(cert_file, key_file, password="")
    except (OSError, ValueError) as error:
        names = cert_file if key_file is None else f"{cert_file} and {key_file}"
        raise ConfigurationError(
            [f"{names}: must hold a certificate and its key, without a password, in PEM format"]
        ) from error
