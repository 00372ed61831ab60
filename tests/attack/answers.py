"""How a hostile server answers: every answer is drawn from a seed and the number of the call."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

# The most that is sent of what has no end.
BOMB_BYTES = 4 * 1024 * 1024
SILENT_SECONDS = 2.0
STEPS = ("In-Process-Queue", "In-Retry-Queue", "In-Wait-Queue")


class End(Enum):
    """What becomes of the connection behind the last piece."""

    KEPT = auto()
    CLOSED = auto()
    RESET = auto()
    HALF_CLOSED = auto()
    SILENT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """`pieces` are sent `pause` seconds apart, then the last one again until `bomb` bytes are sent. `sound`: this is an answer that
    has to be understood. `name` tells what it is."""

    name: str
    pieces: Sequence[bytes]
    end: End = End.KEPT
    pause: float = 0.0
    bomb: int = 0
    sound: bool = False


def body(number: int) -> bytes:
    """Of a status and of an accepted submission in one."""
    task = {"Status": "In-Queue", "TaskCurrentStep": STEPS[number % len(STEPS)], "TaskLastStep": None}
    return json.dumps({"RequestID": f"attack-{number}", "Status": "accepted", "TaskStatus": task}).encode()


def play(seed: int, number: int) -> Play:
    chance = Random(f"{seed}/{number}")
    kind = chance.choices(_KINDS, weights=_WEIGHTS)[0]
    return kind(chance, number)


def _sound(chance: Random, number: int) -> Play:
    message, end = _message(chance, body(number))
    return Play(name="sound", pieces=_split(chance, message, chance.choice((1, 1, 1, 3, 12))), end=end, sound=True)


def _cut(chance: Random, number: int) -> Play:
    """Dies at one byte after the other, as the numbers of the calls go on."""
    message, _ = _message(chance, body(number))
    cut = message[: number % len(message)]
    end = chance.choice((End.CLOSED, End.RESET, End.HALF_CLOSED, End.SILENT))
    return Play(name=f"cut at {len(cut)}", pieces=_split(chance, cut, chance.choice((1, 1, 4))), end=end)


def _mutated(chance: Random, number: int) -> Play:
    message = bytearray(_message(chance, body(number))[0])
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(message))
        match chance.randrange(3):
            case 0:
                message[at] = chance.randrange(256)
            case 1:
                del message[at]
            case _:
                message.insert(at, chance.choice(b"\r\n\0: ;,0-\xff"))
    return Play(
        name="mutated", pieces=_split(chance, bytes(message), chance.choice((1, 5))), end=chance.choice(list(End))
    )


def _bomb(chance: Random, number: int) -> Play:
    head = b"HTTP/1.1 200 OK\r\n"
    name, first, more = chance.choice(
        [
            ("endless fields", head, b"X-More: more\r\n" * 64),
            ("an endless value", head + b"X-More: ", b"more" * 4096),
            ("an endless reason", b"HTTP/1.1 200 ", b"good" * 4096),
            ("endless early answers", b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 32),
            ("an endless body", head + b"\r\n", b"more" * 8192),
            (
                "an endless body of chunks",
                head + b"Transfer-Encoding: chunked\r\n\r\n",
                b"4000\r\n" + b"m" * 0x4000 + b"\r\n",
            ),
            ("an endless extension", head + b"Transfer-Encoding: chunked\r\n\r\n1;", b"more=more;" * 1024),
            ("an endless trailer", head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-More: more\r\n" * 64),
            ("an endless size", head + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 8192),
            ("a length without end", head + b"Content-Length: 99999999999\r\n\r\n", b"more" * 8192),
            ("nested JSON", head + b"Content-Length: 900000\r\n\r\n", b'{"a":' * 3600),
        ]
    )
    return Play(name=name, pieces=[first, more], end=chance.choice((End.CLOSED, End.SILENT)), bomb=BOMB_BYTES)


def _slow(chance: Random, number: int) -> Play:
    message, end = _message(chance, body(number))
    most, pause = chance.choice(((5, 0.1), (20, 0.05), (200, 0.01)))
    return Play(name="slow", pieces=_split(chance, message, most), pause=pause, end=end)


def _odd(chance: Random, number: int) -> Play:
    told = body(number)
    length = b"Content-Length: %d\r\n" % len(told)
    line = chance.choice((b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/1.1 299 \xff", b"HTTP/1.1 404 No"))
    name, fields, content = chance.choice(
        [
            ("two lengths", length + b"Content-Length: 1\r\n", told),
            ("a length and chunks", length + b"Transfer-Encoding: chunked\r\n", b"1\r\n{\r\n0\r\n\r\n"),
            ("chunks twice", b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
            ("an unknown coding", b"Transfer-Encoding: x\r\n", told),
            ("a negative length", b"Content-Length: -1\r\n", told),
            ("a length in hexadecimal", b"Content-Length: 0x10\r\n", told),
            ("a folded field", b"X-One: a\r\n b\r\n" + length, told),
            ("a bare CR", b"X-One: a\rb\r\n" + length, told),
            ("a NUL", b"X-One: a\0b\r\n" + length, told),
            ("line ends without CR", b"X-One: a\n" + length.replace(b"\r", b""), told),
            ("a blank before the colon", length.replace(b":", b" :"), told),
            ("a size beyond 64 bits", b"Transfer-Encoding: chunked\r\n", b"f" * 17 + b"\r\n" + told),
            ("an upgrade", b"Upgrade: h2c\r\nConnection: upgrade\r\n" + length, told),
            ("no body with a length", length, b""),
            ("two answers", length, told + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
            ("another code", b"Content-Encoding: br\r\n" + length, told),
            ("a coding that is none", b"Content-Encoding: gzip\r\n" + length, told),
        ]
    )
    if chance.random() < 0.1:
        line = chance.choice(
            (b"HTTP/1.1 101 Switching", b"HTTP/2.0 200 OK", b"HTTP/1.1 999 ?", b"ICY 200 OK", b"HTTP/1.1 99")
        )
    message = line + b"\r\n" + fields + b"\r\n" + content
    return Play(name=name, pieces=_split(chance, message, chance.choice((1, 1, 6))), end=chance.choice(list(End)))


def _nothing(chance: Random, number: int) -> Play:
    del number
    garbage = chance.randbytes(chance.choice((0, 0, 1, 50, 5000)))
    return Play(name="nothing or noise", pieces=[garbage], end=chance.choice(list(End)))


_KINDS = (_sound, _cut, _mutated, _bomb, _slow, _odd, _nothing)
_WEIGHTS = (30, 25, 12, 3, 5, 15, 10)


def _message(chance: Random, told: bytes) -> tuple[bytes, End]:
    """A whole answer in one of the forms that HTTP has, and the end that belongs to it."""
    early = b"HTTP/1.1 100 Continue\r\n\r\n" * (chance.random() < 0.1)
    fields = b"".join(b"X-%d: %b\r\n" % (place, b"v" * chance.randrange(40)) for place in range(chance.randrange(6)))
    head = early + b"HTTP/1.1 200 OK\r\n" + fields
    form = chance.randrange(5)
    if form == 0:
        return early + b"HTTP/1.0 200 OK\r\n" + fields + b"\r\n" + told, End.CLOSED
    if form == 1:
        return head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(told) + told, End.CLOSED
    if form == 2:
        parts = _split(chance, told, chance.randrange(1, 5))
        chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(part), chance.choice((b"", b";x=1", b" ")), part) for part in parts)
        trailer = chance.choice((b"", b"X-Sum: 1\r\n"))
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailer + b"\r\n", End.KEPT
    return head + b"Content-Length: %d\r\n\r\n" % len(told) + told, End.KEPT


def _split(chance: Random, whole: bytes, most: int) -> list[bytes]:
    """Up to so many parts, none of them empty."""
    ends = sorted({chance.randrange(1, len(whole)) for _ in range(most - 1)} if len(whole) > 1 else ())
    return [part for at, end in zip([0, *ends], [*ends, len(whole)], strict=True) if (part := whole[at:end])]
