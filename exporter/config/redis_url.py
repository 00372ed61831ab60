"""Where Redis is: one server, Sentinels that know which, or the nodes of a cluster."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from exporter.config import secret
from exporter.config.document import Scalar
from exporter.config.kinds import Unfit, masked, split_url

SENTINEL, CLUSTER = "sentinel", "cluster"
_SCHEMES = ("redis", "rediss", "unix")
_SEVERAL = re.compile(
    r"(?P<scheme>rediss?)\+(?P<kind>sentinel|cluster)://((?P<user>[^@/?#]*)@)?(?P<nodes>[^@/?#]+)"
    r"(/(?P<path>[^?#]*))?(\?(?P<query>[^#]*))?"
)
# Sentinels: the name of what they watch, and the database. A cluster has but one database.
_PATHS = {SENTINEL: re.compile(r"([A-Za-z0-9._-]+)(?:/([0-9]{0,9}))?"), CLUSTER: re.compile("()(0?)")}
_PORTS = {SENTINEL: 26379, CLUSTER: 6379}
_FOR_SENTINELS = "sentinel_"
_CREDENTIALS = ("username", "password", "db")

Node = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisUrl:
    """`kind` is SENTINEL, CLUSTER, or empty where `text` names one server; then that is all there is.

    `user` is user and password as they stand before the @. Of the `options`, those that begin with sentinel_ are for the
    Sentinels, and the others as the library has them.
    """

    text: str
    kind: str = ""
    scheme: str = ""
    user: str = ""
    nodes: tuple[Node, ...] = ()
    service: str = ""
    database: str = ""
    options: Mapping[str, str]

    @property
    def has_password(self) -> bool:
        """Before the host, or among the options, as the URL of a socket has it."""
        return ":" in self.user or any("password" in name for name in self.options)

    @property
    def place(self) -> tuple[str, ...]:
        """Which database of which server, whoever the user is."""
        if self.kind:
            nodes = (f"{host}:{port}" for host, port in sorted(self.nodes))
            return self.kind, *nodes, self.service, self.database or "0"
        parts = split_url(self.text)
        number = self.options.get("db", "")
        if parts is None or parts.scheme == "unix":
            return parts.path if parts else self.text, number or "0"
        return parts.hostname or "localhost", str(parts.port or 6379), number or parts.path.strip("/") or "0"

    def server(self, node: Node) -> str:
        """The URL of the server that holds the data, which Sentinels or a cluster have named."""
        options = {name: value for name, value in self.options.items() if not name.startswith(_FOR_SENTINELS)}
        return self._at(node, f"{self.user}@" if self.user else "", f"/{self.database or 0}", options)

    def sentinel(self, node: Node) -> str:
        """The URL of a Sentinel; the server's password is not for it."""
        options = {name: value for name, value in self.options.items() if name not in _CREDENTIALS}
        return self._at(node, "", "", {name.removeprefix(_FOR_SENTINELS): value for name, value in options.items()})

    def _at(self, node: Node, user: str, path: str, options: Mapping[str, str]) -> str:
        host = f"[{node[0]}]" if ":" in node[0] else node[0]
        query = f"?{urlencode(options)}" if options else ""
        return f"{self.scheme}://{user}{host}:{node[1]}{path}{query}"


@dataclass(frozen=True, slots=True)
class RedisUrlKind:
    """Such a URL may hold a password, so it is never shown whole."""

    requirement: str = (
        "redis://HOST:PORT/DATABASE, rediss://HOST:PORT/DATABASE with TLS, unix:///SOCKET, "
        "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DATABASE or redis+cluster://HOST:PORT,HOST:PORT"
    )

    def read(self, scalar: Scalar) -> object:
        return scalar.text if self.fits(scalar.text) else Unfit(self.requirement, masked(scalar.text))

    def fits(self, text: str) -> bool:
        return parse(text) is not None


def parse(text: str) -> RedisUrl | None:
    """None for what is no URL of Redis."""
    if not secret.fit(text):
        return None
    several = _SEVERAL.fullmatch(text)
    return _single(text) if several is None else _several(several)


def _single(text: str) -> RedisUrl | None:
    scheme, separator, rest = text.partition("://")
    parts = split_url(text)
    if scheme not in _SCHEMES or not separator or not rest or parts is None:
        return None
    user, at, _ = parts.netloc.rpartition("@")
    return RedisUrl(text=text, scheme=scheme, user=user if at else "", options=_options(parts.query))


def _several(found: re.Match[str]) -> RedisUrl | None:
    kind = found["kind"]
    path = _PATHS[kind].fullmatch(found["path"] or "")
    nodes = [_node(node, _PORTS[kind]) for node in found["nodes"].split(",")]
    known = tuple(node for node in nodes if node is not None)
    if path is None or len(known) < len(nodes):
        return None
    return RedisUrl(
        text=found[0],
        kind=kind,
        scheme=found["scheme"],
        user=found["user"] or "",
        nodes=known,
        service=path[1],
        database=path[2] or "",
        options=_options(found["query"] or ""),
    )


def _node(text: str, port: int) -> Node | None:
    parts = split_url(f"redis://{text}")
    return None if parts is None or not parts.hostname else (parts.hostname, parts.port or port)


def _options(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
