"""TLS contexts of clients."""

import ssl
from pathlib import Path

from exporter.config import file
from exporter.config.settings import Tls
from exporter.errors import ConfigurationError


def client_context(settings: Tls) -> ssl.SSLContext:
    """Trusts the authorities in `ca_file`, or those of the system. Raises ConfigurationError with the file and why."""
    for path in (settings.ca_file, settings.cert_file, settings.key_file):
        if path is not None:
            file.state(Path(path))
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{settings.ca_file}: it must hold certificates in PEM format"]) from error
    if settings.cert_file is not None:
        _load_own(context, settings.cert_file, settings.key_file)
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
