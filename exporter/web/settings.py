"""The web configuration file, in the format that the exporters of the Prometheus project share.

What this process can't do (client certificates asked for but not checked, TLS before 1.2) is refused rather than ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exporter.config import document, file
from exporter.config.kinds import Boolean, Choice, Text
from exporter.config.problem import Position, Problem, Problems, told
from exporter.config.shapes import Field, Item, Listed, Section
from exporter.config.walker import Walker
from exporter.errors import ConfigurationError

_LARGEST = 1024 * 1024
_WITHOUT_CERTIFICATE = "NoClientCert"
_CLIENT_AUTH = (_WITHOUT_CERTIFICATE, "VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
_VERSIONS = ("TLS12", "TLS13")
_CURVES = ("CurveP256", "CurveP384", "CurveP521", "X25519")
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

_PATH = Text("the path of a file", r".+")
_VALUE = Text("a header value of visible ASCII characters and blanks", r"[\x20-\x7e]+")
_TLS = Section(
    (
        Field("cert_file", _PATH, "", required=True),
        Field("key_file", _PATH, "", required=True),
        Field("client_auth_type", Choice(_CLIENT_AUTH), ""),
        Field("client_ca_file", _PATH, ""),
        Field("min_version", Choice(_VERSIONS), ""),
        Field("max_version", Choice(_VERSIONS), ""),
        Field("cipher_suites", Listed(Choice((*CIPHERS, *_ALWAYS_ON)), "cipher suites"), ""),
        Field("prefer_server_cipher_suites", Boolean(), ""),
        Field("curve_preferences", Listed(Choice(_CURVES), "curves", minimum=0, maximum=1), ""),
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
_HTTP = Section((Field("http2", Boolean(), ""), Field("headers", _HEADERS, "")))
_HASH = Text(
    "a bcrypt hash, as `htpasswd -nBC 10` makes it",
    r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}",
    masked=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """`ciphers` are OpenSSL's names, empty for its defaults; `curve` None leaves the choice to OpenSSL."""

    cert_file: Path
    key_file: Path
    client_auth: str = _WITHOUT_CERTIFICATE
    client_ca_file: Path | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    ciphers: tuple[str, ...] = ()
    prefer_server_ciphers: bool = True
    curve: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.cert_file, self.key_file, self.client_ca_file) if path is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """`users` are bcrypt hashes by name; without any there is no basic authentication."""

    tls: TlsSettings | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)


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
            Field("basic_auth_users", _users(root), ""),
        )
    )
    item = Walker(problems).read(root, section, "")
    if not isinstance(item, Item):
        return WebSettings()
    http, users = item.values.get("http_server_config"), item.values.get("basic_auth_users")
    headers = http.values.get("headers") if http else None
    return WebSettings(
        tls=_tls(item.values["tls_server_config"], folder, problems) if "tls_server_config" in item.values else None,
        headers=dict(headers.values) if headers else {},
        users=dict(users.values) if users else {},
    )


def _users(root: document.Node) -> Section:
    """A section whose keys are the names that are written there."""
    entries = root.entries if isinstance(root, document.Mapping) else ()
    found = (value for key, value in entries if isinstance(key, document.Scalar) and key.text == "basic_auth_users")
    users = next(found, None)
    named = users.entries if isinstance(users, document.Mapping) else ()
    names = dict.fromkeys(key.text for key, _ in named if isinstance(key, document.Scalar))
    return Section(tuple(Field(name, _HASH, "") for name in names))


def _tls(item: Item, folder: Path, problems: Problems) -> TlsSettings | None:
    values = item.values
    given: dict[str, Any] = {
        "client_auth": values.get("client_auth_type"),
        "client_ca_file": folder / values["client_ca_file"] if "client_ca_file" in values else None,
        "min_version": values.get("min_version"),
        "max_version": values.get("max_version"),
        "ciphers": tuple(CIPHERS[name] for name in values.get("cipher_suites", ()) if name in CIPHERS),
        "prefer_server_ciphers": values.get("prefer_server_cipher_suites"),
        "curve": next(iter(values.get("curve_preferences", ())), None),
    }
    if not item.sound or not _agrees(item, problems):
        return None
    return TlsSettings(
        cert_file=folder / values["cert_file"],
        key_file=folder / values["key_file"],
        **{name: value for name, value in given.items() if value is not None},
    )


def _agrees(item: Item, problems: Problems) -> bool:
    """Whether keys that each are right also fit together."""
    before = len(problems.errors)
    checks = item.values.get("client_auth_type", _WITHOUT_CERTIFICATE) != _WITHOUT_CERTIFICATE
    if checks and not item.given("client_ca_file"):
        _add(problems, item, "client_ca_file", "is missing; client_auth_type needs it")
    if item.given("client_ca_file") and not checks:
        _add(problems, item, "client_auth_type", f"must be one of {', '.join(_CLIENT_AUTH[1:])} with a client_ca_file")
    if item.values.get("min_version") == "TLS13" and item.values.get("max_version") == "TLS12":
        _add(problems, item, "max_version", "must not be below min_version")
    return len(problems.errors) == before


def _add(problems: Problems, item: Item, key: str, message: str) -> None:
    position: Position = item.place(key)
    problems.add(position, item.path_of(key), message)
