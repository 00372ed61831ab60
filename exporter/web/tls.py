"""TLS contexts out of the web configuration."""

import ssl
from collections.abc import Callable
from typing import Any

from exporter.config import file
from exporter.errors import ConfigurationError
from exporter.web.settings import TlsSettings

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class FollowingContext(ssl.SSLContext):
    """Begins every connection with the context that is right at that moment, so that a new certificate needs no restart.

    A context can't be changed for good in place: a certificate authority that was taken out of the file would be trusted
    for ever.
    """

    current: Callable[[], ssl.SSLContext]

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        return self.current().wrap_bio(*args, **kwargs)


def following(current: Callable[[], ssl.SSLContext]) -> FollowingContext:
    context = FollowingContext(ssl.PROTOCOL_TLS_SERVER)
    context.current = current
    return context


def build(settings: TlsSettings) -> ssl.SSLContext:
    """Raises ConfigurationError, with the file that can't be used and why."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.min_version]
    context.maximum_version = _VERSIONS[settings.max_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if settings.prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _load(context, settings)
    return context


def _load(context: ssl.SSLContext, settings: TlsSettings) -> None:
    for path in settings.files:
        file.state(path)
    try:
        if settings.ciphers:
            context.set_ciphers(":".join(settings.ciphers))
        if settings.curve is not None:
            context.set_ecdh_curve(_CURVES[settings.curve])
        if settings.client_ca_file is not None:
            context.load_verify_locations(settings.client_ca_file)
        context.verify_mode = _CLIENT_AUTH[settings.client_auth]
        # Without the password an encrypted key would make OpenSSL ask the terminal.
        context.load_cert_chain(settings.cert_file, settings.key_file, password="")
    except (OSError, ValueError) as error:
        names = ", ".join(str(path) for path in settings.files)
        raise ConfigurationError([f"tls_server_config: {names}: can't be used: {_reason(error)}"]) from error


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        return reason or "not a certificate with its key in PEM format"
    return (error.strerror if isinstance(error, OSError) else None) or "not usable by OpenSSL"
