"""Which headers are passed on, as RFC 9110 has it: all but those that are about one connection only."""

from collections.abc import Collection

from multidict import CIMultiDict, CIMultiDictProxy

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


def end_to_end(headers: CIMultiDictProxy[str], *, but: Collection[str] = ()) -> CIMultiDict[str]:
    """The headers for the other side, in their order. Those that `Connection` names stay here, and those in `but`."""
    dropped = _HOP_BY_HOP
    if but:
        dropped = dropped.union(but)
    if "Connection" in headers:
        dropped = dropped.union(_tokens(headers.getall("Connection")))
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def _tokens(values: list[str]) -> set[str]:
    return {token.strip().lower() for value in values for token in value.split(",")}
