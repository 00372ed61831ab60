"""Makes connections: names, addresses, proxies and TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from aiohappyeyeballs import AddrInfoType, start_connection

from exporter.http.connection import Connection
from exporter.http.place import Place
from exporter.http.trouble import HttpTrouble, NoConnectionError
from exporter.http.trust import Trust

# RFC 8305: how long one address may take before the next one is tried beside it.
NEXT_ADDRESS_SECONDS = 0.25

Found = Sequence[AddrInfoType]


class Dial:
    """Looks a name up for each connection, and only once for those that are made at the same time."""

    def __init__(self, make: Callable[[], Connection]) -> None:
        self._make = make
        self._trust = Trust()
        self._lookups: dict[tuple[str, int], asyncio.Task[Found]] = {}

    async def connect(self, place: Place) -> Connection:
        """Raises NoConnectionError."""
        context = None if place.tls is None else await self._trust.context(place.tls)
        try:
            connected = await self._reach(place)
            if context is None or place.proxy is None:
                return await self._over(connected, place, context)
            return await self._through(connected, place, context)
        except ssl.SSLCertVerificationError as error:
            raise NoConnectionError(f"its certificate can't be verified ({error.verify_message})") from error
        # uvloop has a RuntimeError for a socket that was closed meanwhile.
        except (OSError, RuntimeError, HttpTrouble) as error:
            raise NoConnectionError(str(error) or type(error).__name__) from error

    async def _reach(self, place: Place) -> socket.socket:
        where = place if place.proxy is None else place.proxy
        found = await self._found(where.host, where.port)
        return await start_connection(found, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS)

    async def _over(self, connected: socket.socket, place: Place, context: ssl.SSLContext | None) -> Connection:
        loop = asyncio.get_running_loop()
        name = None if context is None else _server_name(place)
        try:
            _, connection = await loop.create_connection(self._make, sock=connected, ssl=context, server_hostname=name)
        except BaseException:
            connected.close()
            raise
        return connection

    async def _through(self, connected: socket.socket, place: Place, context: ssl.SSLContext) -> Connection:
        """A tunnel through a proxy, and TLS in it."""
        connection = await self._over(connected, place, None)
        try:
            status = await connection.tunnel(place.tunnel())
            if not 200 <= status < 300:
                raise NoConnectionError(f"the proxy answers CONNECT with HTTP status {status}; check proxy_url")
            secured = await asyncio.get_running_loop().start_tls(
                connection.transport, connection, context, server_hostname=_server_name(place)
            )
        except BaseException:
            connection.transport.abort()
            raise
        if secured is None:
            raise NoConnectionError("the connection ended within TLS")
        connection.transport = secured
        return connection

    async def _found(self, host: str, port: int) -> Found:
        literal = _literal(host, port)
        if literal is not None:
            return literal
        lookup = self._lookups.get((host, port))
        if lookup is None:
            lookup = self._lookups[host, port] = asyncio.ensure_future(_look_up(host, port))
            lookup.add_done_callback(lambda _: self._lookups.pop((host, port), None))
        # Who gives up must not take the lookup of the others along.
        return await asyncio.shield(lookup)


async def _look_up(host: str, port: int) -> Found:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _literal(host: str, port: int) -> Found | None:
    """An address needs no lookup, which would take a thread."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    where = (host, port) if address.version == 4 else (host, port, 0, 0)
    return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]


def _server_name(place: Place) -> str:
    given = None if place.tls is None else place.tls.server_name
    return given or place.host.rstrip(".")
