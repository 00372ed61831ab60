"""The way out: the proxy that an account names, or the one that the environment has for its host."""

from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from exporter.config.kinds import PROXY_URL, is_loopback
from exporter.config.secret import InlineSecret
from exporter.config.settings import Proxy

NONE = "none"
_DEFAULT_PORT = 80


class Given(NamedTuple):
    """A variable of the environment, and the URL in it."""

    name: str
    url: str


def proxy(url: str) -> Proxy | None:
    """`url` is one that PROXY_URL takes."""
    if url == NONE:
        return None
    parts = urlsplit(url)
    authorization = None
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        authorization = InlineSecret(f"Basic {b64encode(credentials).decode('ascii')}")
    return Proxy(host=parts.hostname or "", port=parts.port or _DEFAULT_PORT, authorization=authorization)


def of_environment(base_url: str, environment: Mapping[str, str]) -> Given | None:
    """None where the host is called directly. Loopback always is: no proxy can reach that of this machine."""
    parts = urlsplit(base_url)
    host, port = parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443)
    given = _variable(f"{parts.scheme}_proxy", environment)
    _, excepted = _variable("no_proxy", environment) or ("", "")
    if given is None or is_loopback(host) or any(_is_meant(one, host, port) for one in excepted.split(",")):
        return None
    return given if "://" in given.url else Given(given.name, f"http://{given.url}")


def _variable(name: str, environment: Mapping[str, str]) -> Given | None:
    """In either case; the lower one wins, as it does for curl."""
    spellings = (name, name.upper())
    return next((Given(one, url) for one in spellings if (url := environment.get(one, "").strip())), None)


def _is_meant(exception: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY means a host: its name, one above it, an address, a network, `*`; each perhaps with a port."""
    entry = exception.strip().lower()
    if entry == "*":
        return True
    name, colon, given = entry.rpartition(":")
    if colon and given.isdigit() and not name.endswith(":") and (":" not in name or name.startswith("[")):
        if int(given) != port:
            return False
        entry = name
    entry = entry.removeprefix("[").removesuffix("]").removeprefix("*").removeprefix(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}") or _is_in(entry, host))


def _is_in(network: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def fits(url: str) -> bool:
    return PROXY_URL.fits(url) and url != NONE
