"""Addresses to listen on, as text and as sockets."""

import asyncio
import errno
import socket
from typing import Final, cast

from exporter.errors import StartupError

BACKLOG: Final = 1024
REQUIREMENT: Final = "HOST:PORT such as :10040, 127.0.0.1:10040 or [::1]:10040"
_HIGHEST_PORT: Final = 65535
_ALL_OF_IPV6: Final = "::"

# Host and port, and of IPv6 the scope too.
Where = tuple[str, int] | tuple[str, int, int, int]


async def bound(address: str, *, option: str) -> socket.socket:
    """A listening socket. Raises StartupError; `option` is what the operator gave the address by."""
    host, port = _parsed(address, option)
    try:
        family, where = await _resolved(host, port)
        # As with the programs of Go: all interfaces are those of IPv4 too.
        dual_stack = family == socket.AF_INET6 and where[0] in ("", _ALL_OF_IPV6) and socket.has_dualstack_ipv6()
        return socket.create_server(where, family=family, backlog=BACKLOG, dualstack_ipv6=dual_stack)
    except OSError as error:
        raise StartupError(f"{option}: {address}: {reason(error)}") from error


def fits(address: str) -> bool:
    """Whether it is HOST:PORT, :PORT, or [IPV6]:PORT."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    is_port = port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT
    return bool(colon) and is_port and (bracketed or ":" not in host)


def _parsed(address: str, option: str) -> tuple[str, int]:
    if not fits(address):
        raise StartupError(f"{option}: {address}: must be {REQUIREMENT}")
    host, _, port = address.rpartition(":")
    return (host[1:-1] if host.startswith("[") else host), int(port)


async def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, Where]:
    """The first address of a name, IPv4 before IPv6; without a host all interfaces of both where the machine has both."""
    if not host:
        return (socket.AF_INET6 if _has_both() else socket.AF_INET), ("", port)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, cast(Where, where)


def _has_both() -> bool:
    """A machine may know IPv6 and still have it turned off."""
    if not socket.has_dualstack_ipv6():
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def reason(error: OSError) -> str:
    """Why an address can't be listened on, and what to do about it."""
    if error.errno == errno.EADDRINUSE:
        return "the port is taken; stop what listens there, or choose another one"
    if error.errno == errno.EACCES:
        return "this user may not open the port; choose one above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have the address"
    return error.strerror or "can't listen there"


def url(scheme: str, bound: socket.socket) -> str:
    """With all interfaces the one of this machine, so that the URL can be opened."""
    host, port = bound.getsockname()[:2]
    if host == _ALL_OF_IPV6 and bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        host = "::1"
    host = {"0.0.0.0": "127.0.0.1", _ALL_OF_IPV6: "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
