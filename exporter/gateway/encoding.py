"""Looks into a compressed body without unpacking more of it than a bound."""

import zlib
from collections.abc import Callable

from exporter.errors import InvalidResponse

Decoder = Callable[[bytes, int], bytes]

_GZIP = 31
_RAW_DEFLATE = -15


def decoded(body: bytes, codings: str, *, limit: int) -> bytes:
    """The content of a body whose Content-Encoding is `codings`, cut one byte past `limit`. Raises InvalidResponse."""
    names = [name.strip().lower() for name in codings.split(",")]
    for name in reversed([name for name in names if name not in ("", "identity")]):
        decoder = _DECODERS.get(name)
        if decoder is None:
            raise InvalidResponse("an answer in a content coding that can't be read here")
        try:
            body = decoder(body, limit + 1)
        except zlib.error as error:
            raise InvalidResponse(f"an answer that is not {name}, as it says it is") from error
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    """A gzip body may have several members, one after the other."""
    parts: list[bytes] = []
    while body and limit > 0:
        member = zlib.decompressobj(_GZIP)
        parts.append(member.decompress(body, limit))
        limit -= len(parts[-1])
        body = member.unused_data
    return b"".join(parts)


def _inflate(body: bytes, limit: int) -> bytes:
    """With the zlib header that belongs to it, or without, as some servers send it."""
    try:
        return zlib.decompressobj().decompress(body, limit)
    except zlib.error:
        return zlib.decompressobj(_RAW_DEFLATE).decompress(body, limit)


_DECODERS: dict[str, Decoder] = {"gzip": _gunzip, "x-gzip": _gunzip, "deflate": _inflate}
