"""What the head of a message has to keep, beyond what the parser looks after (RFC 9110 and 9112)."""

import re

from exporter.http.fields import Fields, tokens, values

# Methods of RTSP and of ICE, which the parser knows too.
_OF_OTHER_PROTOCOLS = frozenset(
    (
        b"ANNOUNCE",
        b"DESCRIBE",
        b"FLUSH",
        b"GET_PARAMETER",
        b"PAUSE",
        b"PLAY",
        b"RECORD",
        b"REDIRECT",
        b"SETUP",
        b"SET_PARAMETER",
        b"SOURCE",
        b"TEARDOWN",
    )
)
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]*)?")
_CONTROLS = bytes(range(0x20)) + b"\x7f"
_SPACES = bytes.maketrans(_CONTROLS.replace(b"\t", b""), b" " * (len(_CONTROLS) - 1))
_LOWEST_STATUS = 100


def fault(method: bytes, version: str, fields: Fields) -> int | None:
    """The status that a request is refused by; None where it is one."""
    if version not in ("1.1", "1.0"):
        return 400
    if method in _OF_OTHER_PROTOCOLS:
        return 501
    codings = values(fields, b"transfer-encoding")
    if codings and version == "1.0":
        return 400
    if codings and tokens(codings) != [b"chunked"]:
        return 501
    return None if is_hosted(version, values(fields, b"host")) else 400


def is_answer(version: str, status: int, fields: Fields) -> bool:
    """101 was not asked for, and HTTP/1.0 has no transfer codings."""
    if version not in ("1.1", "1.0") or status < _LOWEST_STATUS or status == 101:
        return False
    return version == "1.1" or not values(fields, b"transfer-encoding")


def visible(text: bytes) -> bytes:
    """With blanks for control characters, which some would take for the end of a line or of a text."""
    return text.translate(_SPACES)


def is_hosted(version: str, hosts: list[bytes]) -> bool:
    """Whether the values of Host are as they may be."""
    fits = all(_HOST.fullmatch(host) for host in hosts)
    return fits and len(hosts) <= 1 and (bool(hosts) or version == "1.0")
