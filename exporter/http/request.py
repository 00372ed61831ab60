"""A request that came in, and what is answered to it."""

import time
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from exporter.http.fields import Field, Fields, values
from exporter.http.stream import Inflow, Stream

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# What frames a body, or asks for it.
_LENGTHS = frozenset(map(len, (b"content-length", b"transfer-encoding", b"expect")))


class Line(Inflow, Protocol):
    """The connection that a request came over."""

    def write(self, data: bytes) -> None: ...

    async def drained(self) -> None:
        """Raises ConnectionError where the other side is gone."""

    def break_off(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it is written, or the end of one. `keeps`: another request may follow."""

    message: bytes
    keeps: bool


class Request:
    """`target` is what the request line has; `length` that of the body, None where it isn't told; `is_1_1` HTTP/1.1."""

    __slots__ = (
        "_expects",
        "_line",
        "_persists",
        "begun",
        "body",
        "chunked",
        "fields",
        "is_1_1",
        "length",
        "method",
        "target",
    )

    def __init__(self, line: Line, method: str, target: str, fields: list[Field], *, is_1_1: bool, persists: bool):
        self.method = method
        self.target = target
        self.fields = fields
        self.is_1_1 = is_1_1
        self.length: int | None = None
        self.chunked = False
        # Whether a part of the answer is on its way.
        self.begun = False
        self.body = Stream(line)
        self._expects = False
        self._persists = persists
        self._line = line
        for name, value in fields:
            if len(name) in _LENGTHS:
                self._frame(name.lower(), value)

    def _frame(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self.length = int(value)
        elif name == b"transfer-encoding":
            self.chunked = True
        elif name == b"expect":
            self._expects = self.is_1_1 and value.strip().lower() == b"100-continue"

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.length)

    @property
    def keeps(self) -> bool:
        """Whether another request may follow the answer. Who waits to be asked for a body, and was not, sends it or does not."""
        return self._persists and not self._expects

    def values(self, name: bytes) -> list[bytes]:
        return values(self.fields, name)

    def invite(self) -> None:
        """The body of a careful client comes when it is asked for."""
        if self._expects:
            self._expects = False
            self._line.write(CONTINUE)

    async def write(self, data: bytes) -> None:
        """A part of an answer. Raises ConnectionError where the client is gone."""
        self.begun = True
        self._line.write(data)
        await self._line.drained()

    def break_off(self) -> None:
        """End the connection in the middle, so that the client sees that something is missing."""
        self._line.break_off()

    def reply(self, status: int, fields: Fields, body: bytes, *, keeps: bool | None = None) -> Reply:
        """An answer of our own."""
        kept = self.keeps if keeps is None else keeps
        return whole(
            status, fields, body, keeps=kept and self.keeps, is_1_1=self.is_1_1, bodiless=self.method == "HEAD"
        )


def whole(
    status: int, fields: Fields, body: bytes, *, keeps: bool, is_1_1: bool = True, bodiless: bool = False
) -> Reply:
    lines = [
        b"HTTP/1.%d %d %b\r\n" % (is_1_1, status, HTTPStatus(status).phrase.encode()),
        *(b"%b: %b\r\n" % field for field in fields),
        b"" if status == HTTPStatus.NO_CONTENT else b"Content-Length: %d\r\n" % len(body),
        date(int(time.time())),
        connection(keeps=keeps, is_1_1=is_1_1),
        b"\r\n",
        b"" if bodiless else body,
    ]
    return Reply(b"".join(lines), keeps)


def connection(*, keeps: bool, is_1_1: bool) -> bytes:
    """The line that tells whether another request may follow, where the version does not tell it."""
    if keeps == is_1_1:
        return b""
    return b"Connection: keep-alive\r\n" if keeps else b"Connection: close\r\n"


@lru_cache(maxsize=1)
def date(now: int) -> bytes:
    return f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
