"""TLS contexts out of the web configuration."""

import os
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, cast

from exporter.config import file
from exporter.errors import ConfigurationError
from exporter.web.handshake import AnyCertificate, ByGroup
from exporter.web.settings import Pem, TlsSettings

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
# OpenSSL's names, and the numbers that they have in TLS.
_CURVES = {
    "CurveP256": ("prime256v1", 23),
    "CurveP384": ("secp384r1", 24),
    "CurveP521": ("secp521r1", 25),
    "X25519": ("X25519", 29),
}
_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "RequestClientCert": ssl.CERT_OPTIONAL,
    "RequireAnyClientCert": ssl.CERT_REQUIRED,
    "RequireClientCert": ssl.CERT_REQUIRED,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_LARGEST = 1024 * 1024
_UNCHECKED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")


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
    for path in settings.files:
        file.state(path)
    asks = settings.client_auth in _UNCHECKED[1:] or (
        settings.client_auth in _UNCHECKED and settings.allowed_sans is not None
    )
    if asks:
        # Each connection has a context of its own; the files must not be read for each, nor be missing then.
        held = replace(settings, cert=_held(settings.cert), key=_held(settings.key))
        _context(settings)
        return AnyCertificate.made(lambda: _context(held))
    if len(settings.curves) > 1:
        return ByGroup.made({_CURVES[curve][1]: _context(settings, curve) for curve in settings.curves})
    return _context(settings)


def _context(settings: TlsSettings, curve: str | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        # Whether TLS before 1.2 is spoken is for the operator to say, and for the machine's OpenSSL to allow.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[settings.min_version]
        context.maximum_version = _VERSIONS[settings.max_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if settings.prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.allowed_sans is not None:
        context.sslobject_class = _named(settings.allowed_sans)
    _load(context, settings, curve or next(iter(settings.curves), None))
    return context


def _load(context: ssl.SSLContext, settings: TlsSettings, curve: str | None) -> None:
    try:
        if settings.ciphers:
            context.set_ciphers(":".join(settings.ciphers))
        if curve is not None:
            context.set_ecdh_curve(_CURVES[curve][0])
        _trust(context, settings)
        with ExitStack() as opened:
            cert, key = (opened.enter_context(_path(one)) for one in (settings.cert, settings.key))
            # Without the password an encrypted key would make OpenSSL ask the terminal.
            context.load_cert_chain(cert, key, password="")
    except (OSError, ValueError) as error:
        names = ", ".join(str(path) for path in settings.files) or "cert, key"
        raise ConfigurationError([f"tls_server_config: {names}: can't be used: {_reason(error)}"]) from error


def _trust(context: ssl.SSLContext, settings: TlsSettings) -> None:
    """Without an authority of its own the system's are trusted, as with other exporters."""
    ca = settings.client_ca
    if ca is not None and ca.file is not None:
        context.load_verify_locations(ca.file)
    elif ca is not None:
        context.load_verify_locations(cadata=ca.text)
    elif settings.client_auth not in ("NoClientCert", *_UNCHECKED):
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    asks = settings.client_auth != "RequestClientCert" or settings.allowed_sans is not None
    context.verify_mode = _CLIENT_AUTH[settings.client_auth] if asks else ssl.CERT_NONE


def _held(pem: Pem) -> Pem:
    """Raises ConfigurationError."""
    return pem if pem.file is None else Pem(text=file.read(pem.file, limit=_LARGEST).decode("utf-8", "replace"))


@contextmanager
def _path(pem: Pem) -> Iterator[str]:
    """OpenSSL reads a certificate and its key from files alone; a text becomes one that is in memory only."""
    if pem.file is not None:
        yield str(pem.file)
        return
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, pem.text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _named(allowed: tuple[str, ...]) -> type[ssl.SSLObject]:
    """One whose handshake fails for a certificate without any of the names."""
    wanted = {_normal(name) for name in allowed}

    class Named(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = cast(dict[str, Any] | None, self.getpeercert())
            if certificate and not wanted & {_normal(value) for _, value in certificate.get("subjectAltName", ())}:
                raise ssl.SSLError("the client's certificate has none of the names in client_allowed_sans")

    return Named


def _normal(name: str) -> str:
    try:
        return str(ip_address(name.strip()))
    except ValueError:
        return name


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        return reason or "not a certificate with its key in PEM format"
    return (error.strerror if isinstance(error, OSError) else None) or "not usable by OpenSSL"
