"""Where calls go: a server, the way to it, and how it is trusted."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from exporter.config.settings import Proxy, Tls

_PORTS = {"http": 80, "https": 443}
_MOST_PLACES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Made by `place`, which gives the same one for the same arguments: connections are kept by it."""

    host: str
    port: int
    tls: Tls | None
    proxy: Proxy | None
    # What stands before the target of a request, and behind it.
    before: str
    behind: bytes

    def head(self, method: str, target: str, fields: bytes) -> bytes:
        """Request line and header. `target` begins with a slash; `fields` are whole lines."""
        line = f"{method} {self.before}{target}".encode("utf-8", "surrogateescape")
        return line + self.behind + fields + b"\r\n"

    def tunnel(self) -> bytes:
        """What a proxy is told to open a way to a server that speaks TLS."""
        where = b"%b:%d" % (_bracketed(self.host), self.port)
        credentials = b"" if self.proxy is None else _credentials(self.proxy)
        return b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (where, where, credentials)

    @property
    def keeps(self) -> bool:
        """Whether connections are kept. Some proxies (tinyproxy) end theirs behind each answer, and do not say so."""
        return self.proxy is None or self.tls is not None


@lru_cache(maxsize=_MOST_PLACES)
def place(base_url: str, proxy: Proxy | None = None, tls: Tls | None = None) -> Place:
    """`base_url` has a scheme, a host and perhaps a port."""
    parts = urlsplit(base_url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    shown = _bracketed(host)
    authority = shown if port == _PORTS[parts.scheme] else b"%b:%d" % (shown, port)
    behind = b" HTTP/1.1\r\nHost: %b\r\n" % authority
    if parts.scheme == "https":
        return Place(host, port, tls or Tls(), proxy, "", behind)
    if proxy is None:
        return Place(host, port, None, None, "", behind)
    # A proxy is told the whole URL of what goes through it in clear text.
    behind += b"Connection: close\r\n" + _credentials(proxy)
    return Place(host, port, None, proxy, f"http://{authority.decode('ascii')}", behind)


def _bracketed(host: str) -> bytes:
    return f"[{host}]".encode() if ":" in host else host.encode("ascii")


def _credentials(proxy: Proxy) -> bytes:
    if proxy.authorization is None:
        return b""
    return b"Proxy-Authorization: %b\r\n" % proxy.authorization.reveal().encode("ascii")
