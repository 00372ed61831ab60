"""Which server holds the key now: asked for at each new connection, since another one may hold it after a failover."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from exporter.config.redis_url import CLUSTER, SENTINEL, Node, RedisUrl
from exporter.errors import SourceRefused
from exporter.sources.closing import to_the_end

CONNECT_SECONDS = 5.0

_UNKNOWN = "the Sentinels know no service of this name; check the source's url"


async def server(url: RedisUrl, key: str) -> str:
    """The URL of that server. Raises what redis raises, of the node that was asked last, or SourceRefused."""
    if not url.kind:
        return url.text
    trouble: Exception = SourceRefused(_UNKNOWN)
    for node in url.nodes:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await _ASK[url.kind](url, node, key)
        except (exceptions.RedisError, OSError) as error:
            trouble = error
            continue
        if found is not None:
            return url.server(found)
    raise trouble


def client(url: str) -> Any:
    """Nothing is tried again by the library: the answer that got lost may have held entries, which are asked for first.

    Nor does it watch the time of answers: up to Python 3.11 its way of doing that can swallow the cancelling of a source.
    """
    return Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="surrogateescape",
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=None,
        client_name="leadsquared-exporter",
    )


async def _ask_sentinel(url: RedisUrl, node: Node, key: str) -> Node | None:
    asked = client(url.sentinel(node))
    try:
        found = await asked.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", url.service)
    finally:
        await to_the_end(asked.aclose())
    return None if found is None else (found[0], int(found[1]))


async def _ask_cluster(url: RedisUrl, node: Node, key: str) -> Node | None:
    """Any node answers for its own keys, and tells of other keys who has them."""
    asked = client(url.server(node))
    try:
        await asked.exists(key)
    except exceptions.MovedError as moved:
        # A node that was not told its address leaves it out: it is where the asked one is.
        return moved.host or node[0], moved.port
    finally:
        await to_the_end(asked.aclose())
    return node


_ASK: dict[str, Callable[[RedisUrl, Node, str], Awaitable[Node | None]]] = {
    SENTINEL: _ask_sentinel,
    CLUSTER: _ask_cluster,
}
