"""Looks into a compressed body without unpacking more of it than a bound, and without holding up what else runs."""

import asyncio
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress

from exporter.errors import InvalidResponse

Decoder = Callable[[bytes, int], bytes]

# What is longer than that, packed or not, is unpacked in a thread.
SMALL = 64 * 1024
MOST_CODINGS = 4
# A body may be packed in several parts, one after the other. Empty ones take time and give nothing.
MOST_PARTS = 64

_GZIP = 31
_RAW_DEFLATE = -15


async def unpacked(body: bytes, codings: str, *, limit: int) -> bytes:
    """As `decoded`. Raises InvalidResponse."""
    if len(body) <= SMALL and "," not in codings:
        content = decoded(body, codings, limit=min(SMALL, limit))
        if len(content) <= SMALL:
            return content
    return await asyncio.to_thread(decoded, body, codings, limit=limit)


def decoded(body: bytes, codings: str, *, limit: int) -> bytes:
    """The content of a body whose Content-Encoding is `codings`, cut one byte past `limit`. Raises InvalidResponse."""
    given = [name.strip().lower() for name in codings.split(",")]
    names = [name for name in given if name not in ("", "identity")]
    if len(names) > MOST_CODINGS:
        raise InvalidResponse(f"an answer in more than {MOST_CODINGS} content codings")
    for name in reversed(names):
        decoder = _DECODERS.get(name)
        if decoder is None:
            raise InvalidResponse(_unreadable(name))
        try:
            body = decoder(body, limit + 1)
        except InvalidResponse:
            raise
        # Each library has an error of its own.
        except Exception as error:
            raise InvalidResponse(f"an answer that is not {name}, as it says it is") from error
    return body


def _unreadable(name: str) -> str:
    """A server's own name for a coding is not repeated."""
    if name in _OPTIONAL:
        return f"an answer in content coding {name}, which needs pip install 'leadsquared-exporter[codings]'"
    return "an answer in a content coding that can't be read here"


def _gunzip(body: bytes, limit: int) -> bytes:
    """A gzip body may have several members, one after the other."""
    parts: list[bytes] = []
    while body and limit > 0:
        _check_parts(parts)
        member = zlib.decompressobj(_GZIP)
        parts.append(member.decompress(body, limit))
        limit -= len(parts[-1])
        body = member.unused_data
    return b"".join(parts)


def _check_parts(parts: list[bytes]) -> None:
    if len(parts) >= MOST_PARTS:
        raise InvalidResponse(f"an answer that is packed in more than {MOST_PARTS} parts")


def _inflate(body: bytes, limit: int) -> bytes:
    """With the zlib header that belongs to it, or without, as some servers send it."""
    try:
        return zlib.decompressobj().decompress(body, limit)
    except zlib.error:
        return zlib.decompressobj(_RAW_DEFLATE).decompress(body, limit)


_OPTIONAL = ("br", "zstd")
_DECODERS: dict[str, Decoder] = {"gzip": _gunzip, "x-gzip": _gunzip, "deflate": _inflate}

with suppress(ImportError):
    import brotli

    def _unbrotli(body: bytes, limit: int) -> bytes:
        """The library gives parts, each a little longer than asked for; an empty one is the end."""
        decompressor, found = brotli.Decompressor(), b""
        while len(found) < limit and (part := decompressor.process(body, output_buffer_limit=limit)):
            found, body = found + part, b""
        return bytes(found[:limit])

    _DECODERS["br"] = _unbrotli

with suppress(ImportError):
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    # RFC 9659: no content coding needs more than a window of 8 MiB, and a frame of ten bytes could ask for 128.
    _WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}

    def _unzstd(body: bytes, limit: int) -> bytes:
        """As with gzip, there may be several frames."""
        parts: list[bytes] = []
        while body and limit > 0:
            _check_parts(parts)
            frame = zstd.ZstdDecompressor(options=_WINDOW)
            parts.append(frame.decompress(body, limit))
            limit -= len(parts[-1])
            body = frame.unused_data if frame.eof else b""
        return b"".join(parts)

    _DECODERS["zstd"] = _unzstd
