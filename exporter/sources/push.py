"""The `push` source: who may hand RequestIDs in over HTTP. How the request looks is for the web part to know."""

import hmac
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from exporter.config.settings import PushSource
from exporter.errors import ConfigurationError, SourceUnreadable
from exporter.log import get_logger
from exporter.sources.source import SourceHealth

# Where the configuration names no push source, programs on this machine may write as this one.
UNNAMED = PushSource(account=None, api=None, token=None, name="push")

log = get_logger(__name__)


def needs_token(sources: Sequence[PushSource]) -> bool:
    return any(source.token is not None for source in sources)


def authorised(
    sources: Sequence[PushSource], *, authorization: str | None, remote: str | None, health: SourceHealth
) -> PushSource | None:
    """The push source that the caller may write as, None where it may not write.

    With a token in any push source the header `Authorization: Bearer TOKEN` decides, wherever the call comes from. Without
    one only callers on the loopback interface may write. `remote` is the address of the peer itself: what a proxy says
    of its clients is not believed. A source whose token can't be read is down.

    Raises SourceUnreadable where a token may be that of such a source: to be told that it is wrong would make its caller give up.
    """
    if needs_token(sources):
        return _named_by(sources, authorization or "", health)
    return (sources[0] if sources else UNNAMED) if is_loopback(remote) else None


def is_loopback(host: str | None) -> bool:
    """Whether an address, or a name that can only mean this machine, is that of the loopback interface."""
    if host is None:
        return False
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _named_by(sources: Sequence[PushSource], authorization: str, health: SourceHealth) -> PushSource | None:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    given = token.strip().encode("utf-8", "surrogateescape")
    # Every token is compared, so that the time taken does not tell which one came close.
    compared = [(source, _matches(source, given, health)) for source in sources]
    named = [source for source, matches in compared if matches]
    if not named and any(matches is None for _, matches in compared):
        raise SourceUnreadable("the token can't be read now; ask again")
    return named[0] if named else None


def _matches(source: PushSource, given: bytes, health: SourceHealth) -> bool | None:
    """None where that can't be told."""
    if source.token is None:
        return False
    try:
        expected = source.token.reveal()
    except ConfigurationError as error:
        log.error("push token can't be read; its callers are asked to try again", source=source.name, error=str(error))
        health.down(source.name, error)
        return None
    # An empty token file would otherwise let in everyone.
    return bool(expected) and hmac.compare_digest(expected.encode(), given)
