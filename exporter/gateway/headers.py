"""Which headers are passed on, as RFC 9110 has it: all but those that are about one connection only."""

from exporter.http.fields import Fields, tokens

# RFC 9110, 7.6.1. Trailers end here, as in most proxies; the last two are for proxies that ask for a password.
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"proxy-authenticate",
        b"proxy-authorization",
    )
)


def end_to_end(fields: Fields, *, but: frozenset[bytes] = HOP_BY_HOP) -> bytes:
    """The header lines for the other side, in their order and spelling. Those that `Connection` names stay here, and those in
    `but`, which are in lower case and more than are hop by hop."""
    lines: list[bytes] = []
    named: set[bytes] = set()
    for name, value in fields:
        key = name.lower()
        if key not in but:
            lines += (name, b": ", value, b"\r\n")
        elif key == b"connection":
            named |= _tokens(value)
    return b"".join(lines) if named <= but else end_to_end(fields, but=but | named)


def _tokens(value: bytes) -> set[bytes]:
    """But for the one header that tells where the body ends: without it the next message would begin within this one."""
    return set(tokens((value,))) - {b"content-length"}
