"""One connection to Redis, and its errors as ours. The URL, which may hold a password, gets into no message."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis import exceptions

from exporter.config.redis_url import parse
from exporter.config.settings import Secret
from exporter.errors import (
    ConfigurationError,
    SourceRefused,
    SourceTimeout,
    SourceUnreachable,
    SourceUnreadable,
)
from exporter.sources.closing import to_the_end
from exporter.sources.redis import address

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
    (exceptions.ReadOnlyError, (SourceRefused, "Redis is a read-only replica; url has to name the primary")),
    (exceptions.BusyLoadingError, (SourceRefused, "Redis is still loading its data")),
    (exceptions.OutOfMemoryError, (SourceRefused, "Redis is out of memory")),
    (
        exceptions.MovedError,
        (SourceRefused, "this node of a Redis cluster does not have the key; url has to be redis+cluster://HOST:PORT"),
    ),
    (exceptions.AskError, (SourceRefused, "the key is on its way to another node of the cluster")),
    (exceptions.ClusterDownError, (SourceRefused, "the Redis cluster is down")),
    (exceptions.TimeoutError, _SILENT),
    (TimeoutError, _SILENT),
    (exceptions.ConnectionError, _GONE),
    (OSError, _GONE),
)
_CODES = {
    "WRONGTYPE": "a key of the source is of another type; check stream or list",
    "NOGROUP": "the stream or its group was deleted; they are made anew",
    "MISCONF": "Redis can't save its data and takes no changes",
    "BUSY": "Redis is busy with a script",
    "UNBLOCKED": "Redis became a replica, or the key was deleted",
}


@asynccontextmanager
async def connected(url: Secret, key: str) -> AsyncIterator[Any]:
    """A client of the server that has the key. Whatever redis raises in the block becomes SourceUnreadable in its kinds."""
    try:
        client = address.client(await _server(url, key))
        client.set_response_callback("XREADGROUP", _as_it_is)
        client.set_response_callback("XAUTOCLAIM", _as_it_is)
        try:
            yield client
        finally:
            await to_the_end(client.aclose())
    except (exceptions.RedisError, OSError) as error:
        raise told(error) from error


async def transaction(pipeline: Any) -> list[Any]:
    """The answers of all its commands. Raises the first error, as the server wrote it: the library puts the command before it."""
    answers: list[Any] = await pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def told(error: Exception) -> SourceUnreadable:
    """In our own words: an error may repeat the arguments of a command."""
    for cause, (kind, words) in _TOLD:
        if isinstance(error, cause):
            return kind(words)
    # The library puts a command that was refused within a transaction before what the server wrote.
    text = str(error).rpartition("pipeline caused error: ")[2].lstrip("('\"")
    code = "NOGROUP" if "no such key" in text else text.partition(" ")[0]
    return SourceRefused(_CODES.get(code, "Redis refuses a command; version 6.2 or newer is needed"))


async def _server(url: Secret, key: str) -> str:
    try:
        if (parsed := parse(url.reveal())) is not None:
            return await address.server(parsed, key)
        why = "it is not one of Redis"
    except ConfigurationError as error:
        raise SourceUnreadable(f"the source's url can't be used: {error}") from error
    except ValueError as error:
        # Its text repeats the URL.
        raise SourceUnreadable("the source's url can't be used: an option of it is not one of Redis") from error
    raise SourceUnreadable(f"the source's url can't be used: {why}")


def _as_it_is(answer: Any, **options: Any) -> Any:
    """The library makes a mapping of an entry, which keeps the last of two fields of one name."""
    return answer
