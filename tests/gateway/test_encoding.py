"""Compressed answers that take more work than they are worth."""

import asyncio
import gzip
import threading
import zlib
from time import perf_counter

import brotli
import pytest
from backports import zstd

from exporter.errors import InvalidResponse
from exporter.gateway import encoding
from exporter.gateway.encoding import MOST_PARTS, SMALL, decoded, unpacked

LIMIT = 1024 * 1024
EMPTY = gzip.compress(b"", mtime=0)


async def longest_pause(body: bytes, codings: str) -> float:
    """For how long nothing else ran while the body was looked into."""
    pauses = [0.0]

    async def tick() -> None:
        while True:
            began = perf_counter()
            await asyncio.sleep(0)
            pauses.append(perf_counter() - began)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    try:
        await unpacked(body, codings, limit=LIMIT)
    except InvalidResponse:
        pass
    finally:
        ticking.cancel()
    return max(pauses)


EMPTY_MEMBERS = gzip.compress(EMPTY * 50_000, mtime=0)
HARD = {
    "50,000 empty members": (EMPTY_MEMBERS, "gzip, gzip"),
    "empty members in themselves": (gzip.compress(EMPTY_MEMBERS, mtime=0), "gzip, gzip, gzip"),
    "empty frames": (gzip.compress(zstd.compress(b"") * 50_000), "zstd, gzip"),
    "frames to be skipped": (gzip.compress(b"\x50\x2a\x4d\x18\0\0\0\0" * 100_000), "zstd, gzip"),
    "zeros": (gzip.compress(bytes(50_000_000)), "gzip"),
    "zeros in zeros": (gzip.compress(gzip.compress(bytes(50_000_000))), "gzip, gzip"),
    "zeros without a header": (zlib.compress(bytes(50_000_000))[2:-4], "deflate"),
    "zeros in brotli": (brotli.compress(bytes(50_000_000), quality=1), "br"),
    "small members": (gzip.compress(b"a", mtime=0) * 3_000, "gzip"),
}


@pytest.mark.parametrize("name", HARD)
async def test_no_body_holds_up_what_else_runs(name: str) -> None:
    body, codings = HARD[name]
    pauses = [await longest_pause(body, codings) for _ in range(3)]
    # The best of three: the machine may be busy with something else.
    assert min(pauses) < 0.1


@pytest.mark.parametrize(
    "name", ["50,000 empty members", "empty members in themselves", "empty frames", "small members"]
)
def test_a_body_of_more_parts_than_the_bound_is_not_read(name: str) -> None:
    with pytest.raises(InvalidResponse, match=f"^an answer that is packed in more than {MOST_PARTS} parts$"):
        decoded(*HARD[name], limit=LIMIT)


def test_as_many_parts_and_codings_as_the_bound_are_read() -> None:
    parts = b"".join(gzip.compress(b"a") for _ in range(MOST_PARTS))
    assert decoded(parts, "gzip", limit=LIMIT) == b"a" * MOST_PARTS
    four = gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"a"))))
    assert decoded(four, "gzip, identity, x-gzip,, gzip, GZIP", limit=LIMIT) == b"a"
    with pytest.raises(InvalidResponse, match=r"^an answer in more than 4 content codings$"):
        decoded(gzip.compress(four), "gzip, gzip, gzip, gzip, gzip", limit=LIMIT)


def test_a_frame_may_not_ask_for_more_memory_than_web_browsers_give() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    packed = zstd.ZstdCompressor(options=options)
    with pytest.raises(InvalidResponse, match=r"^an answer that is not zstd, as it says it is$"):
        decoded(packed.compress(b"a") + packed.flush(), "zstd", limit=LIMIT)


@pytest.mark.parametrize(
    ("size", "is_apart"), [(10, False), (SMALL, False), (SMALL + 1, True)], ids=["small", "the bound", "beyond it"]
)
async def test_what_is_longer_than_the_bound_is_unpacked_in_a_thread(
    size: int, is_apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int] = []
    original = encoding.decoded

    def noting(body: bytes, codings: str, *, limit: int) -> bytes:
        used.append(threading.get_ident())
        return original(body, codings, limit=limit)

    monkeypatch.setattr(encoding, "decoded", noting)
    assert await unpacked(gzip.compress(bytes(size)), "gzip", limit=LIMIT) == bytes(size)
    assert (used[-1] != threading.get_ident()) == is_apart
