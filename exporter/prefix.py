"""Where the exporter is found behind a reverse proxy, as Prometheus has it: --web.external-url and --web.route-prefix."""

import argparse
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from exporter.flags import Flag

# What stands in a path as it is; a router takes braces for patterns.
_PATH = re.compile(r"[A-Za-z0-9._~/-]*")


def check_external_url(text: str) -> str | None:
    """What is allowed, where the text is none."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or parts.username is not None or not _PATH.fullmatch(parts.path):
        return "must be a URL such as https://ops.example.com/leadsquared, without user and query"
    return None


def check_route_prefix(text: str) -> str | None:
    return None if _PATH.fullmatch(text) else "must be a path such as /leadsquared"


PREFIX_FLAGS: Final = (
    Flag(
        name="web.external-url",
        metavar="URL",
        check=check_external_url,
        help="the URL that people reach the exporter by, such as https://ops.example.com/leadsquared; links lead under its path, "
        "and its pages may write under this name too",
    ),
    Flag(
        name="web.route-prefix",
        metavar="PATH",
        check=check_route_prefix,
        help="what stands before every path that is answered; the path of --web.external-url unless given, / where a proxy takes "
        "it away",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """`route` stands before every path that is answered, `link` before every link of a page; both are empty or begin with a slash
    and end without one."""

    route: str = ""
    link: str = ""

    def to(self, *path: str, **query: str) -> str:
        """A link to a page of ours; each part of the path is quoted."""
        target = self.link + "/" + "/".join(quote(part, safe="") for part in path)
        return f"{target}?{urlencode(query)}" if query else target

    def inside(self, path: str) -> str:
        """A path that was asked for, without the prefix."""
        return path.removeprefix(self.route) if path.startswith(self.route + "/") else path


def prefix(*, external_url: str = "", route_prefix: str = "") -> Prefix:
    """Routes are under the path of the external URL unless told otherwise: a proxy may take the path away. Without an external URL
    links lead to where the routes are."""
    external = _path(urlsplit(external_url).path)
    route = _path(route_prefix) if route_prefix else external
    return Prefix(route=route, link=external if external_url else route)


def routed(arguments: argparse.Namespace) -> str:
    """The base of a running exporter: `--url`, and under it the route prefix that the flags or the environment tell, unless the URL
    has a path of its own."""
    url: str = arguments.url.rstrip("/")
    if urlsplit(url).path:
        return url
    where = prefix(external_url=arguments.web_external_url or "", route_prefix=arguments.web_route_prefix or "")
    return url + where.route


def _path(text: str) -> str:
    stripped = text.strip("/")
    return f"/{stripped}" if stripped else ""
