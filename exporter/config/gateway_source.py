"""The `gateway` source: what gateways have to do with each other and with the accounts."""

from collections.abc import Sequence

from exporter.config.kinds import is_loopback, split_url
from exporter.config.problem import Problems
from exporter.config.shapes import Item

# What is kept here does not arrive there.
_NEEDED_BY_LEADSQUARED = frozenset(
    (
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "transfer-encoding",
        "x-api-key",
    )
)
_ALL_INTERFACES = ("", "0.0.0.0", "::")  # noqa: S104  (looked for, not listened on)


def check(gateways: Sequence[Item], problems: Problems) -> None:
    first: dict[str, Item] = {}
    for gateway in gateways:
        listen = _listen(gateway)
        other = gateway if listen.endswith(":0") else first.setdefault(listen, gateway)
        if other is not gateway:
            message = f"must be unique, got {listen}, the address of {other.path} (line {other.place('listen').line})"
            problems.add(gateway.place("listen"), gateway.path_of("listen"), message)
        if not is_loopback(_host(listen)):
            message = "is not on loopback: the application's keys cross the network to it in clear text"
            problems.warn(gateway.place("listen"), gateway.path_of("listen"), message)
        _check_reference_header(gateway, problems)


def _check_reference_header(gateway: Item, problems: Problems) -> None:
    name = gateway.values.get("reference_header", "")
    if name.lower() in _NEEDED_BY_LEADSQUARED:
        message = f"must be a header of the application's own, such as X-Reference, got {name}"
        problems.add(gateway.place("reference_header"), gateway.path_of("reference_header"), message)


def check_accounts(gateways: Sequence[Item], accounts: Sequence[Item], problems: Problems) -> None:
    """Applications look for LeadSquared at a gateway; an account that does so calls itself for ever."""
    for account in accounts:
        url = account.values.get("base_url", "")
        for gateway in gateways:
            if _leads_to(url, _listen(gateway)):
                message = f"must be LeadSquared's own address, got {url}, where {gateway.path} (a gateway) listens"
                problems.add(account.place("base_url"), account.path_of("base_url"), message)
                break


def _leads_to(url: str, listen: str) -> bool:
    """Names of this machine in the network are not looked up."""
    parts = split_url(url)
    if parts is None or parts.scheme != "http" or str(parts.port or 80) != listen.rpartition(":")[2]:
        return False
    host, own = parts.hostname or "", _host(listen)
    if own in _ALL_INTERFACES:
        return is_loopback(host)
    return host == own or ("localhost" in (host, own) and is_loopback(host) and is_loopback(own))


def _listen(gateway: Item) -> str:
    """An address that no one can share where it is not given as it should be, which is a mistake of its own."""
    listen: str = gateway.values.get("listen", "127.0.0.1:0")
    return listen


def _host(listen: str) -> str:
    return listen.rpartition(":")[0].strip("[]")
