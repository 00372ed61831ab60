"""The hostile server."""

import asyncio
import os
import re
import socket
import struct
from collections import Counter
from contextlib import suppress
from random import Random

from tests.attack.answers import BOMB_BYTES, SILENT_SECONDS, End, Play, play

_NUMBER = re.compile(rb"attack-([0-9]+)")
_LENGTH = re.compile(rb"content-length: ([0-9]+)", re.IGNORECASE)
# What is asked of a connection that is dropped at once, or that speaks before it is asked.
_RUDE = 0.02


class Hostile:
    """`asked` counts how often each call arrived: more than once is a repeated call. `fresh` came first on their connection."""

    def __init__(self, seed: int) -> None:
        self.asked: Counter[int] = Counter()
        self.fresh: set[int] = set()
        self.open = 0
        self._seed = seed
        self._manners = Random(seed)

    def play(self, number: int) -> Play:
        return play(self._seed, number)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            # uvloop has a RuntimeError for what is written to a connection that was reset.
            with suppress(
                ConnectionError, RuntimeError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
            ):
                await self._serve(reader, writer)
        finally:
            self.open -= 1
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        polite = self._manners.random() >= _RUDE
        if not polite:
            if self._manners.random() < 0.5:
                _reset(writer)
                return
            writer.write(b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n")
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            found = _NUMBER.search(head)
            number = int(found[1]) if found else 0
            self.asked[number] += 1
            if polite:
                self.fresh.add(number)
                polite = False
            if not await self._answer(self.play(number), reader, writer):
                return

    async def _answer(self, one: Play, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether another request may follow."""
        sent = 0
        for piece in one.pieces:
            writer.write(piece)
            sent += len(piece)
            async with asyncio.timeout(SILENT_SECONDS):
                await writer.drain()
            await asyncio.sleep(one.pause)
        while one.bomb and sent < BOMB_BYTES:
            writer.write(one.pieces[-1])
            sent += len(one.pieces[-1])
            async with asyncio.timeout(SILENT_SECONDS):
                await writer.drain()
            # The others are to have their turns, too.
            await asyncio.sleep(0)
        if one.end is End.RESET:
            _reset(writer)
        elif one.end in (End.HALF_CLOSED, End.SILENT):
            if one.end is End.HALF_CLOSED:
                writer.write_eof()
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENT_SECONDS):
                    await reader.read()
        return one.end is End.KEPT and not one.bomb


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN. On a copy of the descriptor, because event loops do not give the socket itself away."""
    descriptor = writer.get_extra_info("socket").fileno()
    if descriptor >= 0:
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
