"""The names that a request may bear in its Host: a name that the exporter does not know may be anybody's, led to this machine."""

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from exporter.sources.push import is_loopback


class Names:
    """Loopback, the machine's own name, where it listens, and `external_url`, under which the operator says that it is found."""

    def __init__(self, *, listen: Iterable[str] = (), external_url: str = "") -> None:
        self._own = {socket.gethostname().lower()}
        self._own |= {host for one in listen if (host := hostname(one)) is not None and not _is_all(host)}
        if external_url and (host := hostname(urlsplit(external_url).netloc)) is not None:
            self._own.add(host)
        self._origin = _origin(external_url) if external_url else None

    def is_own(self, host: str) -> bool:
        """Whether a Host names this machine, or what the operator calls it."""
        name = hostname(host)
        return name is not None and (is_loopback(name) or name in self._own)

    def is_known(self, host: str) -> bool:
        """The same, or an address: that can't be led elsewhere by who owns a name."""
        return self.is_own(host) or _is_address(hostname(host))

    def is_origin(self, origin: str, *, host: str) -> bool:
        """Whether a page of `origin` is one of the exporter's own, which was asked under `host`."""
        try:
            netloc = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return bool(netloc) and (netloc == host.lower() or _origin(origin) == self._origin)


def hostname(netloc: str) -> str | None:
    """In lower case, without a port and brackets; None where it is none."""
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _is_address(name: str | None) -> bool:
    try:
        ip_address(name or "")
    except ValueError:
        return False
    return True


def _is_all(name: str) -> bool:
    return _is_address(name) and ip_address(name).is_unspecified
