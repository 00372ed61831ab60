"""The web configuration file, in the format that the exporters of the Prometheus project share.

What they accept is accepted, and what they refuse is refused: `http2` changes nothing else here, since HTTP/1.1 is spoken alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exporter.config import document, file
from exporter.config.document import Scalar
from exporter.config.kinds import Boolean, Choice, Integer, Text, Unfit
from exporter.config.problem import Position, Problem, Problems, told
from exporter.config.shapes import Field, Item, Listed, Section
from exporter.config.walker import Walker
from exporter.errors import ConfigurationError

_LARGEST = 1024 * 1024
_WITHOUT_CERTIFICATE = "NoClientCert"
# Only these two are checked against an authority.
_CHECKED = ("VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
_ANY = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
_CLIENT_AUTH = (_WITHOUT_CERTIFICATE, *_ANY, *_CHECKED)
_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")
_CURVES = ("CurveP256", "CurveP384", "CurveP521", "X25519")
_FOR_HTTP2 = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
}
# They are part of TLS 1.3 and always on; other exporters take their names too.
_ALWAYS_ON = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


@dataclass(frozen=True, slots=True)
class Period:
    """Seconds, from a duration as Go has it; a number without a unit is one of nanoseconds."""

    requirement: str = "a duration such as 1s, 500ms or 1m30s, or 0"

    def read(self, scalar: Scalar) -> object:
        if re.fullmatch(r"[0-9]{1,18}", scalar.text):
            return int(scalar.text) / 1e9
        if not re.fullmatch(rf"({_PART.pattern})+", scalar.text):
            return Unfit(self.requirement)
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(scalar.text))


_UNITS = {"h": 3600.0, "ms": 1e-3, "m": 60.0, "s": 1.0, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?)(h|ms|m|s|us|µs|ns)")

_PATH = Text("the path of a file", r".*")
_PEM = Text("a certificate in PEM format", r"[\s\S]*", multiline=True, masked=True)
_KEY = Text("a private key in PEM format", r"[\s\S]*", multiline=True, masked=True)
_VALUE = Text("a header value of visible ASCII characters and blanks", r"[\x20-\x7e]*")
_NAME = Text("a name, an address or a URL of a certificate", r".+")
_TLS = Section(
    (
        Field("cert", _PEM, ""),
        Field("key", _KEY, ""),
        Field("client_ca", _PEM, ""),
        Field("cert_file", _PATH, ""),
        Field("key_file", _PATH, ""),
        Field("client_auth_type", Choice((*_CLIENT_AUTH, "")), ""),
        Field("client_ca_file", _PATH, ""),
        Field("client_allowed_sans", Listed(_NAME, "names"), ""),
        Field("min_version", Choice(_VERSIONS), ""),
        Field("max_version", Choice(_VERSIONS), ""),
        Field("cipher_suites", Listed(Choice((*CIPHERS, *_ALWAYS_ON)), "cipher suites"), ""),
        Field("prefer_server_cipher_suites", Boolean(), ""),
        Field("curve_preferences", Listed(Choice(_CURVES), "curves"), ""),
    )
)
_HEADERS = Section(
    (
        Field("Content-Security-Policy", _VALUE, ""),
        Field("X-Frame-Options", Choice(("deny", "sameorigin")), ""),
        Field("X-Content-Type-Options", Choice(("nosniff",)), ""),
        Field("X-XSS-Protection", _VALUE, ""),
        Field("Strict-Transport-Security", _VALUE, ""),
    )
)
_RATE = Section((Field("interval", Period(), ""), Field("burst", Integer(minimum=0), "")))
_HTTP = Section((Field("http2", Boolean(), ""), Field("headers", _HEADERS, "")))
_HASH = Text(
    "a bcrypt hash, as `htpasswd -nBC 10` makes it",
    r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}",
    masked=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pem:
    """A file, or what would be in one."""

    file: Path | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """`ciphers` are OpenSSL's names, empty for its defaults, as `curves` are. `allowed_sans` None: any name will do."""

    cert: Pem
    key: Pem
    client_auth: str = _WITHOUT_CERTIFICATE
    client_ca: Pem | None = None
    allowed_sans: tuple[str, ...] | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    ciphers: tuple[str, ...] = ()
    prefer_server_ciphers: bool = True
    curves: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        given = (self.cert, self.key, self.client_ca)
        return tuple(one.file for one in given if one is not None and one.file is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """One request in `interval` seconds, and `burst` at once."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """`users` are bcrypt hashes by name; without any there is no basic authentication."""

    tls: TlsSettings | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    rate: RateLimit | None = None


def read(path: Path) -> WebSettings:
    """Raises ConfigurationError with every mistake, its line and column. Relative paths start at the file's folder."""
    try:
        text = file.read(path, limit=_LARGEST).decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: it is not UTF-8"]) from error
    except ConfigurationError as error:
        raise ConfigurationError([f"{error}; --web.config.file names the web configuration file"]) from error
    root = document.parse(text)
    problems = Problems()
    if isinstance(root, Problem):
        problems.errors.append(root)
        root = None
    settings = WebSettings() if root is None else _settings(root, path.parent, problems)
    if problems.errors:
        raise ConfigurationError(told(problems.errors, str(path)))
    return settings


def _settings(root: document.Node, folder: Path, problems: Problems) -> WebSettings:
    section = Section(
        (
            Field("tls_server_config", _TLS, ""),
            Field("http_server_config", _HTTP, ""),
            Field("rate_limit", _RATE, ""),
            Field("basic_auth_users", _users(root), ""),
        )
    )
    item = Walker(problems).read(root, section, "")
    if not isinstance(item, Item):
        return WebSettings()
    http, users = item.values.get("http_server_config"), item.values.get("basic_auth_users")
    headers = http.values.get("headers") if http else None
    tls, rate = item.values.get("tls_server_config"), item.values.get("rate_limit")
    speaks_http2 = http is None or http.values.get("http2", True)
    return WebSettings(
        tls=_tls(tls, folder, problems, http2=speaks_http2) if tls and _is_enabled(tls) else None,
        headers={name: value for name, value in headers.values.items() if value} if headers else {},
        users=dict(users.values) if users else {},
        rate=_rate(rate) if rate else None,
    )


def _rate(item: Item) -> RateLimit | None:
    interval = item.values.get("interval", 0.0)
    return RateLimit(interval=interval, burst=item.values.get("burst", 0)) if interval else None


def _is_enabled(item: Item) -> bool:
    """Versions and the like alone turn nothing on."""
    return not item.sound or any(item.values.get(name) for name in _ENABLING)


_ENABLING = ("cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type")


def _users(root: document.Node) -> Section:
    """A section whose keys are the names that are written there."""
    entries = root.entries if isinstance(root, document.Mapping) else ()
    found = (value for key, value in entries if isinstance(key, document.Scalar) and key.text == "basic_auth_users")
    users = next(found, None)
    named = users.entries if isinstance(users, document.Mapping) else ()
    names = dict.fromkeys(key.text for key, _ in named if isinstance(key, document.Scalar))
    return Section(tuple(Field(name, _HASH, "") for name in names))


def _tls(item: Item, folder: Path, problems: Problems, *, http2: bool) -> TlsSettings | None:
    values = item.values
    allowed = values.get("client_allowed_sans")
    given: dict[str, Any] = {
        "client_auth": values.get("client_auth_type") or None,
        "client_ca": _pem(values, "client_ca", folder),
        "allowed_sans": tuple(allowed) if item.given("client_allowed_sans") and allowed is not None else None,
        "min_version": values.get("min_version"),
        "max_version": values.get("max_version"),
        "ciphers": tuple(CIPHERS[name] for name in values.get("cipher_suites", ()) if name in CIPHERS),
        "prefer_server_ciphers": values.get("prefer_server_cipher_suites"),
        "curves": tuple(values.get("curve_preferences", ())),
    }
    cert, key = _pem(values, "cert", folder), _pem(values, "key", folder)
    if not _agrees(item, problems, http2=http2) or not item.sound or cert is None or key is None:
        return None
    return TlsSettings(cert=cert, key=key, **{name: value for name, value in given.items() if value is not None})


def _pem(values: Mapping[str, Any], name: str, folder: Path) -> Pem | None:
    """The file goes before the text."""
    if values.get(f"{name}_file"):
        return Pem(file=folder / values[f"{name}_file"])
    return Pem(text=values[name]) if values.get(name) else None


def _agrees(item: Item, problems: Problems, *, http2: bool) -> bool:
    """Whether keys that each are right also fit together."""
    before = len(problems.errors)
    values = item.values
    for name, what in (("cert", "certificate"), ("key", "private key")):
        if not any(values.get(key) or (item.given(key) and key not in values) for key in (name, f"{name}_file")):
            _add(problems, item, f"{name}_file", f"is missing; must be the path of a file, or {name} the {what} itself")
    auth = values.get("client_auth_type") or _WITHOUT_CERTIFICATE
    if (values.get("client_ca_file") or values.get("client_ca")) and auth == _WITHOUT_CERTIFICATE:
        _add(problems, item, "client_auth_type", f"must be one of {', '.join(_CLIENT_AUTH[1:])} with a client_ca_file")
    lowest, highest = values.get("min_version", "TLS12"), values.get("max_version", "TLS13")
    if lowest > highest:
        _add(problems, item, "max_version", f"must not be below min_version ({lowest})")
    if lowest == "TLS13" and auth in _ANY[1:]:
        # What certificate there is can be seen, and left unchecked, in TLS 1.2 alone.
        _add(problems, item, "min_version", f"must be TLS12 at most with client_auth_type {auth}")
    suites = values.get("cipher_suites", ())
    if suites and http2 and lowest != "TLS13" and not set(_FOR_HTTP2) & set(suites):
        _add(problems, item, "cipher_suites", f"must have one of {', '.join(_FOR_HTTP2)}, unless http2 is false")
    return len(problems.errors) == before


def _add(problems: Problems, item: Item, key: str, message: str) -> None:
    position: Position = item.place(key)
    problems.add(position, item.path_of(key), message)
