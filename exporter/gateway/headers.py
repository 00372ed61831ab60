"""Which headers are passed on, as RFC 9110 has it: all but those that are about one connection only."""

from collections.abc import Collection, Iterable

from multidict import CIMultiDict

# RFC 9110, 7.6.1. Trailers end here, because the HTTP library keeps none; the last two are for proxies that ask for a password.
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authenticate",
        "proxy-authorization",
    )
)


def end_to_end(headers: Iterable[tuple[bytes, bytes]], *, but: Collection[str] = ()) -> CIMultiDict[str]:
    """The headers for the other side, in their order and spelling. Those that `Connection` names stay here, and those in
    `but`, which are in lower case."""
    fields = [(name.decode("ascii"), value.decode("utf-8", "surrogateescape")) for name, value in headers]
    dropped = _HOP_BY_HOP.union(but, *(_tokens(value) for name, value in fields if name.lower() == "connection"))
    return CIMultiDict((name, value) for name, value in fields if name.lower() not in dropped)


def _tokens(value: str) -> set[str]:
    return {token.strip().lower() for token in value.split(",")}
