"""TLS handshakes that need a look at what the client sends before OpenSSL reads it.

Python's ssl sets one curve for a context, and checks every certificate that it asks for. So the curve is chosen by the
client's first message, and a certificate that need not be checked is trusted by itself, which TLS 1.2 shows in clear text.
"""

import ssl
from collections.abc import Callable, Mapping
from typing import Any, cast

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_CERTIFICATE = 11
_SUPPORTED_GROUPS = 10
_RECORD_HEAD = 5
_MESSAGE_HEAD = 4
# More than that is no message of an honest client.
_LONGEST = 64 * 1024
# X509_V_FLAG_NO_CHECK_TIME: a certificate that is not checked may be too old.
_ANY_TIME = 0x200000


class ByGroup(ssl.SSLContext):
    """Chooses among contexts, by the number of a group and in the order of preference, what the client can do too."""

    contexts: Mapping[int, ssl.SSLContext]

    @classmethod
    def made(cls, contexts: Mapping[int, ssl.SSLContext]) -> "ByGroup":
        made = cls(ssl.PROTOCOL_TLS_SERVER)
        made.contexts = contexts
        return made

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *_: Any, **__: Any) -> ssl.SSLObject:
        return cast(ssl.SSLObject, _Chosen(self, incoming, outgoing))

    def choose(self, groups: list[int]) -> ssl.SSLContext:
        both = (context for group, context in self.contexts.items() if group in groups)
        return next(both, next(iter(self.contexts.values())))


class AnyCertificate(ssl.SSLContext):
    """Begins each connection with a context of its own, which trusts the certificate that the client shows."""

    make: Callable[[], ssl.SSLContext]

    @classmethod
    def made(cls, make: Callable[[], ssl.SSLContext]) -> "AnyCertificate":
        made = cls(ssl.PROTOCOL_TLS_SERVER)
        made.make = make
        return made

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *_: Any, **__: Any) -> ssl.SSLObject:
        context = self.make()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        # A session that is resumed shows no certificate.
        context.options |= ssl.OP_NO_TICKET
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | _ANY_TIME
        return cast(ssl.SSLObject, _Trusting(context, incoming, outgoing))


class _Handshake:
    """Stands for an SSLObject."""

    def __init__(self, incoming: ssl.MemoryBIO) -> None:
        self._incoming = incoming
        self._object: ssl.SSLObject | None = None

    def read(self, *given: Any) -> Any:
        """Event loops take hold of it, of `write` and of `pending` before the handshake."""
        return self._begun().read(*given)

    def write(self, data: Any) -> int:
        return self._begun().write(data)

    def pending(self) -> int:
        return 0 if self._object is None else self._object.pending()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._begun(), name)

    def _begun(self) -> ssl.SSLObject:
        if self._object is None:
            raise ssl.SSLError("the handshake has not begun")
        return self._object

    def _message(self) -> bytes:
        """The message that comes next, left where it is. Raises SSLWantReadError until it is whole."""
        waiting = self._incoming.read()
        self._incoming.write(waiting)
        message = handshake(waiting)
        if message is None and len(waiting) < _LONGEST:
            raise ssl.SSLWantReadError
        return message or b""


class _Chosen(_Handshake):
    def __init__(self, contexts: ByGroup, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        super().__init__(incoming)
        self._contexts = contexts
        self._outgoing = outgoing

    def do_handshake(self) -> None:
        if self._object is None:
            context = self._contexts.choose(supported_groups(self._message()))
            self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._object.do_handshake()


class _Trusting(_Handshake):
    def __init__(self, context: ssl.SSLContext, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        super().__init__(incoming)
        self._context = context
        self._object = context.wrap_bio(incoming, outgoing, server_side=True)
        self._hellos = self._shown = False

    def do_handshake(self) -> None:
        if self._object is None:
            return
        if not self._shown and self._incoming.pending:
            message = self._message()
            if self._hellos or message[:1] != bytes([_CLIENT_HELLO]):
                self._shown = True
                leaf = first_certificate(message)
                if leaf:
                    self._context.load_verify_locations(cadata=leaf)
            self._hellos = True
        self._object.do_handshake()


def handshake(records: bytes) -> bytes | None:
    """The first handshake message in what came, out of its records; None until it is whole, nothing where it is none."""
    message, place = b"", 0
    while len(records) >= place + _RECORD_HEAD:
        if records[place] != _HANDSHAKE:
            return b""
        end = place + _RECORD_HEAD + int.from_bytes(records[place + 3 : place + _RECORD_HEAD], "big")
        message += records[place + _RECORD_HEAD : end]
        if len(message) >= _MESSAGE_HEAD:
            whole = _MESSAGE_HEAD + int.from_bytes(message[1:_MESSAGE_HEAD], "big")
            if len(message) >= whole:
                return message[:whole]
        if end > len(records):
            return None
        place = end
    return b"" if records and records[0] != _HANDSHAKE else None


def supported_groups(message: bytes) -> list[int]:
    """Of a ClientHello; nothing where it has none, or is none."""
    if message[:1] != bytes([_CLIENT_HELLO]):
        return []
    rest = message[_MESSAGE_HEAD + 2 + 32 :]
    for width in (1, 2, 1):
        rest = rest[width + int.from_bytes(rest[:width], "big") :]
    rest = rest[2:]
    while len(rest) >= 4:
        kind, length = int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:4], "big")
        if kind == _SUPPORTED_GROUPS:
            groups = rest[6 : 4 + length]
            return [int.from_bytes(groups[place : place + 2], "big") for place in range(0, len(groups) - 1, 2)]
        rest = rest[4 + length :]
    return []


def first_certificate(message: bytes) -> bytes:
    """DER, of a Certificate message of TLS 1.2; nothing where it has none, or is none."""
    if message[:1] != bytes([_CERTIFICATE]) or len(message) < _MESSAGE_HEAD + 6:
        return b""
    start = _MESSAGE_HEAD + 6
    return message[start : start + int.from_bytes(message[start - 3 : start], "big")]
