"""The kinds of single values: what each allows, in words and as a test."""

import re
import warnings
from dataclasses import dataclass
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from exporter import address
from exporter.config import duration, secret
from exporter.config.document import Scalar
from exporter.config.problem import suggestion

_INTEGER = re.compile("-?(0|[1-9][0-9]*)")
# Few digits and a short exponent: an exact fraction of 1e999999999 would fill the memory.
_NUMBER = re.compile(r"-?([0-9]{1,12}(\.[0-9]{1,18})?|\.[0-9]{1,18})([eE][+-]?[0-9]{1,2})?")
_LARGEST = 10**12
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?")

_DATABASES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
}


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a value does not do: "must be `requirement`, got `got``hint`". `got` None stands for the value as it was written."""

    requirement: str
    got: str | None = None
    hint: str = ""


class Kind(Protocol):
    """`requirement` completes "must be …"."""

    @property
    def requirement(self) -> str: ...

    def read(self, scalar: Scalar) -> object:
        """The value, or Unfit."""


@dataclass(frozen=True, slots=True)
class Integer:
    minimum: int

    @property
    def requirement(self) -> str:
        return f"an integer >= {self.minimum}"

    def read(self, scalar: Scalar) -> object:
        if not _INTEGER.fullmatch(scalar.text):
            return Unfit(self.requirement)
        value = int(scalar.text[:20])
        if value < self.minimum:
            return Unfit(self.requirement)
        return value if value <= _LARGEST else Unfit(f"an integer <= {_LARGEST}")


@dataclass(frozen=True, slots=True)
class Seconds:
    """A bare positive number, as bucket bounds are."""

    requirement: str = "a number of seconds > 0"

    def read(self, scalar: Scalar) -> object:
        value = float(scalar.text) if _NUMBER.fullmatch(scalar.text) else 0.0
        return value if value > 0 else Unfit(self.requirement)


@dataclass(frozen=True, slots=True)
class Share:
    """Exact: 0.29 of 100 has to be 29."""

    requirement: str = "a number > 0 and <= 1 such as 0.5"

    def read(self, scalar: Scalar) -> object:
        value = Fraction(scalar.text) if _NUMBER.fullmatch(scalar.text) else Fraction(0)
        return value if 0 < value <= 1 else Unfit(self.requirement)


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds from a Prometheus duration. `bound` is part of the words: "> 0", ">= 1s" or nothing."""

    bound: str = ""

    @property
    def requirement(self) -> str:
        return f"a duration {self.bound} such as 30s or 1h30m".replace("  ", " ")

    def read(self, scalar: Scalar) -> object:
        try:
            seconds = duration.parse(scalar.text)
        except ValueError:
            return Unfit(self.requirement)
        return seconds if self._allows(seconds) else Unfit(self.requirement)

    def _allows(self, seconds: float) -> bool:
        if self.bound.startswith(">= "):
            return seconds >= duration.parse(self.bound.removeprefix(">= "))
        return seconds > 0 or not self.bound


@dataclass(frozen=True, slots=True)
class Boolean:
    requirement: str = "true or false"

    def read(self, scalar: Scalar) -> object:
        return {"true": True, "false": False}.get(scalar.text, Unfit(self.requirement))


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[str, ...]

    @property
    def requirement(self) -> str:
        return f"one of {', '.join(self.options)}"

    def read(self, scalar: Scalar) -> object:
        if scalar.text in self.options:
            return scalar.text
        return Unfit(self.requirement, hint=suggestion(scalar.text, self.options))


@dataclass(frozen=True, slots=True)
class TimeZone:
    """The data of zones is the system's, else that of the package tzdata. UTC needs none."""

    requirement: str = "the IANA name of a time zone such as Europe/Berlin"

    def read(self, scalar: Scalar) -> object:
        from zoneinfo import available_timezones  # only what has local times needs it

        if scalar.text == "UTC":
            return scalar.text
        known = available_timezones()
        if not known:
            return Unfit("UTC: no other time zone is known here, until the package tzdata is installed")
        found = scalar.text in known
        return scalar.text if found else Unfit(self.requirement, hint=suggestion(scalar.text, tuple(sorted(known))))


@dataclass(frozen=True, slots=True)
class Text:
    """A text that matches a pattern; `masked` where what was written may be a secret in the wrong place.

    `multiline` allows line breaks and tabs.
    """

    requirement: str
    pattern: str
    masked: bool = False
    multiline: bool = False

    def read(self, scalar: Scalar) -> object:
        plain = re.sub(r"[\n\t]", " ", scalar.text) if self.multiline else scalar.text
        if plain.isprintable() and re.fullmatch(self.pattern, scalar.text):
            return scalar.text
        return Unfit(self.requirement, got=masked(scalar.text) if self.masked else None)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, compiled. `group` has to be in it, `groups` are all that may be."""

    group: str
    groups: tuple[str, ...]

    @property
    def requirement(self) -> str:
        return f"a regular expression of Python with the group (?P<{self.group}>…)"

    def read(self, scalar: Scalar) -> object:
        try:
            with warnings.catch_warnings():
                # What a later Python may read otherwise is no matter of the operator's.
                warnings.simplefilter("ignore")
                pattern = re.compile(scalar.text)
        except (re.error, OverflowError, RecursionError) as error:
            return Unfit(self.requirement, hint=f" ({_regular_expression_error(error)})")
        return self._checked(pattern)

    def _checked(self, pattern: re.Pattern[str]) -> object:
        unknown = [name for name in pattern.groupindex if name not in self.groups]
        if unknown:
            allowed = f"a regular expression whose named groups are of {', '.join(self.groups)}"
            return Unfit(allowed, hint=f" (group {unknown[0]}{suggestion(unknown[0], self.groups)})")
        if self.group not in pattern.groupindex:
            return Unfit(self.requirement)
        if pattern.search(""):
            return Unfit("a regular expression that does not match an empty text")
        return pattern


def _regular_expression_error(error: Exception) -> str:
    if not isinstance(error, re.error):
        return "it is too large"
    return error.msg if error.pos is None else f"{error.msg}, at character {error.pos + 1}"


@dataclass(frozen=True, slots=True)
class SecretText:
    requirement: str = "one line of visible ASCII characters"

    def read(self, scalar: Scalar) -> object:
        return scalar.text if secret.fit(scalar.text) else Unfit(self.requirement, got=masked(scalar.text))


@dataclass(frozen=True, slots=True)
class Nullable:
    kind: Kind

    @property
    def requirement(self) -> str:
        return f"{self.kind.requirement}, or null"

    def read(self, scalar: Scalar) -> object:
        value = self.kind.read(scalar)
        return Unfit(self.requirement, value.got, value.hint) if isinstance(value, Unfit) else value


@dataclass(frozen=True, slots=True)
class Unlimited:
    """A limit, or None for the word that stands for none."""

    kind: Kind
    word: str = "unlimited"

    @property
    def requirement(self) -> str:
        return f"{self.kind.requirement}, or {self.word}"

    def read(self, scalar: Scalar) -> object:
        if scalar.text == self.word:
            return None
        value = self.kind.read(scalar)
        if not isinstance(value, Unfit):
            return value
        return Unfit(
            f"{value.requirement}, or {self.word}", value.got, value.hint + suggestion(scalar.text, (self.word,))
        )


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Scheme, host and port, without a slash at the end. Whether http:// may be is for the account to say."""

    requirement: str = "a URL of scheme and host such as https://asyncapi-us11.leadsquared.com"

    def read(self, scalar: Scalar) -> object:
        parts = split_url(scalar.text)
        got = masked_url(scalar.text)
        if parts is None or parts.scheme not in ("http", "https") or not _is_host(parts.hostname):
            return Unfit(self.requirement, got)
        if "@" in parts.netloc:
            return Unfit("a URL without user and password", got)
        if parts.path not in ("", "/"):
            return Unfit(
                "a URL without a path; a path before that of the API belongs into status_path and metrics_path", got
            )
        if "?" in scalar.text or "#" in scalar.text:
            return Unfit("a URL without a query and a fragment", got)
        return scalar.text.rstrip("/")


@dataclass(frozen=True, slots=True)
class ListenAddress:
    requirement: str = address.REQUIREMENT

    def read(self, scalar: Scalar) -> object:
        return scalar.text if address.fits(scalar.text) else Unfit(self.requirement)


@dataclass(frozen=True, slots=True)
class StorageUrl:
    """The URL in the one spelling that the rest of the program reads: memory://, sqlite:///./relative or sqlite:////absolute.

    `sqlite:///var/lib/state.db` is /var/lib/state.db, as in any URL; a bare file name is one in the working directory,
    because nobody keeps a database in the root directory.
    """

    requirement: str = "sqlite:///./FILE in the working directory, sqlite:////FOLDER/FILE, or memory://"

    def read(self, scalar: Scalar) -> object:
        if scalar.text == "memory://":
            return scalar.text
        path = scalar.text.removeprefix("sqlite:///")
        if (
            path == scalar.text
            or not path.isprintable()
            or path.rpartition("/")[2] in ("", ".", "..")
            or set("?#") & set(path)
        ):
            return Unfit(self.requirement, masked_url(scalar.text))
        if "/" not in path:
            path = f"./{path}"
        relative = path.startswith(("./", "../"))
        return f"sqlite:///{path}" if relative else f"sqlite:////{path.lstrip('/')}"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A database of one of the kinds that have a driver. It may hold a password, so it is never shown whole."""

    requirement: str = "postgresql://HOST/DATABASE, mysql://HOST/DATABASE, sqlite:///./FILE or sqlite:////FOLDER/FILE"

    def read(self, scalar: Scalar) -> object:
        return scalar.text if self.fits(scalar.text) else Unfit(self.requirement, masked(scalar.text))

    def fits(self, text: str) -> bool:
        scheme, _, rest = text.partition("://")
        known = scheme in _DATABASES and bool(rest) and secret.fit(text) and split_url(text) is not None
        return known and (scheme != "sqlite" or text.startswith(("sqlite:///./", "sqlite:////")))

    def database(self, url: str) -> str:
        """The kind of the database, which is the name of its extra too."""
        return _DATABASES[url.partition("://")[0]]


@dataclass(frozen=True, slots=True)
class ProxyUrl:
    """A proxy, or none. It may hold a password, so it is shown without."""

    requirement: str = "http://HOST:PORT, http://USER:PASSWORD@HOST:PORT, or none"

    def read(self, scalar: Scalar) -> object:
        return scalar.text if self.fits(scalar.text) else Unfit(self.requirement, masked_url(scalar.text))

    def fits(self, text: str) -> bool:
        parts = split_url(text)
        if parts is None or parts.scheme != "http" or not _is_host(parts.hostname):
            return text == "none"
        return parts.path in ("", "/") and "?" not in text and "#" not in text and parts.username != ""


PROXY_URL = ProxyUrl()


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """Where a list is fetched. Its query may hold a key, so it is shown without."""

    requirement: str = "an http:// or https:// URL without user, password and fragment"

    def read(self, scalar: Scalar) -> object:
        parts = split_url(scalar.text)
        fits = parts is not None and parts.scheme in ("http", "https") and _is_host(parts.hostname)
        if not fits or not secret.fit(scalar.text) or "@" in parts.netloc or "#" in scalar.text:  # type: ignore[union-attr]
            return Unfit(self.requirement, masked_url(scalar.text))
        return scalar.text


def masked(text: str) -> str:
    return f"a value of {len(text)} character{'s' if len(text) > 1 else ''}" if text else "an empty value"


def masked_url(text: str) -> str | None:
    """None where the URL can be shown as it is; else the URL without what may be a password."""
    hidden = re.sub(r"[?#].*", "?***", re.sub("//.*@", "//***@", text, flags=re.DOTALL), flags=re.DOTALL)
    return None if hidden == text else hidden


def split_url(text: str) -> SplitResult | None:
    """None for what is no URL, down to its port. urlsplit itself drops line breaks and tabs without a word."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _is_host(host: str | None) -> bool:
    return bool(host) and (_HOST.fullmatch(host or "") is not None or _address(host or "") is not None)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
