"""One connection to Redis, and its errors as ours. The URL, which may hold a password, gets into no message."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from exporter.config.settings import Secret
from exporter.errors import (
    ConfigurationError,
    SourceRefused,
    SourceTimeout,
    SourceUnreachable,
    SourceUnreadable,
)
from exporter.sources.closing import to_the_end

CONNECT_SECONDS = 5.0

_CLUSTER = "it is part of a Redis Cluster, which is not supported: the keys of a source lie in several slots there"
_SILENT = SourceTimeout, "Redis does not answer in time"
_GONE = SourceUnreachable, "Redis can't be reached, or has closed the connection; check the source's url"
# The first that fits.
_TOLD: tuple[tuple[type[Exception], tuple[type[SourceUnreadable], str]], ...] = (
    (
        exceptions.AuthenticationError,
        (SourceRefused, "Redis refuses the user or the password; check the source's url"),
    ),
    (
        exceptions.NoPermissionError,
        (SourceRefused, "Redis refuses a command or a key to this user; docs/sources.md lists what it needs"),
    ),
    (exceptions.ClusterError, (SourceRefused, _CLUSTER)),
    (exceptions.ReadOnlyError, (SourceRefused, "Redis is a read-only replica; url has to name the primary")),
    (exceptions.BusyLoadingError, (SourceRefused, "Redis is still loading its data")),
    (exceptions.OutOfMemoryError, (SourceRefused, "Redis is out of memory")),
    (exceptions.TimeoutError, _SILENT),
    (TimeoutError, _SILENT),
    (exceptions.ConnectionError, _GONE),
    (OSError, _GONE),
)
_CODES = {
    "WRONGTYPE": "a key of the source is of another type; check stream or list",
    "NOGROUP": "the stream or its group was deleted; they are made anew",
    "MISCONF": "Redis can't save its data and takes no changes",
    "UNBLOCKED": "the stream was deleted; it is made anew",
}


@asynccontextmanager
async def connected(url: Secret) -> AsyncIterator[Any]:
    """A client on one connection. Whatever redis raises in the block becomes SourceUnreadable in its kinds."""
    try:
        client = _client(url.reveal())
    except (ConfigurationError, ValueError) as error:
        # The text of a ValueError repeats the URL.
        why = str(error) if isinstance(error, ConfigurationError) else "it is not one of Redis"
        raise SourceUnreadable(f"the source's url can't be used: {why}") from error
    try:
        try:
            yield client
        finally:
            await to_the_end(client.aclose())
    except (exceptions.RedisError, OSError) as error:
        raise told(error) from error


def told(error: Exception) -> SourceUnreadable:
    """In our own words: an error may repeat the arguments of a command."""
    for cause, (kind, words) in _TOLD:
        if isinstance(error, cause):
            return kind(words)
    # A pipeline tells first which command it was, with all its arguments.
    code = str(error).rpartition("caused error: ")[2].partition(" ")[0]
    return SourceRefused(_CODES.get(code, "Redis refuses a command; version 6.2 or newer is needed"))


def _client(url: str) -> Any:
    """Nothing is tried again by the library: the answer that got lost may have held entries, which are asked for first.

    Nor does it watch the time of answers: up to Python 3.11 its way of doing that can swallow the cancelling of a source.
    """
    return Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="surrogateescape",
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=None,
        client_name="leadsquared-exporter",
    )
