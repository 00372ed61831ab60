"""What all pages share: the frame, tables, and how times and counts read."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from aiohttp import web

from exporter.prefix import Prefix
from exporter.web.markup import Child, Markup, element, join
from exporter.web.presentation import moment

NONE = "–"
_SHORTEST = 0.05
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def page(title: str, *content: Child, prefix: Prefix, telemetry_path: str, status: int = 200) -> web.Response:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} · LeadSquared exporter"),
        element("link", rel="stylesheet", href=prefix.to("style.css")),
        element("link", rel="icon", href=prefix.to("icon.svg")),
    )
    body = element("body", _header(prefix, telemetry_path), element("main", element("h1", title), *content))
    text = "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"
    return web.Response(text=text, status=status, content_type="text/html")


def table(headings: Sequence[str], rows: Iterable[Sequence[Child]], *, empty: str) -> Markup:
    shown = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    if not shown:
        return element("p", empty, class_="quiet")
    head = element("thead", element("tr", *(element("th", heading, scope="col") for heading in headings)))
    return element("div", element("table", head, element("tbody", *shown)), class_="wide")


def facts(pairs: Iterable[tuple[str, Child]]) -> Markup:
    return element("dl", *(join(element("dt", name), element("dd", value or NONE)) for name, value in pairs))


def link(text: str, href: str) -> Markup:
    return element("a", text, href=href)


def badge(text: str, mood: str = "") -> Markup:
    """`mood` is good, bad, warn or nothing."""
    return element("span", text, class_=f"badge {mood}".strip())


def when(time: float | None, now: float) -> Markup | None:
    """A moment in UTC and how long ago that is."""
    if time is None:
        return None
    distance = f" ({span(now - time)} ago)" if now >= time else ""
    return join(element("time", _utc(time), datetime=moment(time)), element("small", distance))


def ago(time: float | None, now: float) -> Markup | None:
    """How long ago a moment is, short enough for a table; the moment itself shows under the pointer."""
    if time is None:
        return None
    return element("time", f"{span(now - time)} ago", datetime=moment(time), title=_utc(time))


def span(seconds: float) -> str:
    """The two largest units: 3d 4h, 12m 5s, 40s; less than a second with its tenths."""
    if seconds < 1:
        return f"{seconds:.1f}s" if seconds >= _SHORTEST else "0s"
    rest = int(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
    return " ".join(part for part in parts[:2] if part)


def number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.10g}"


def _utc(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _header(prefix: Prefix, telemetry_path: str) -> Markup:
    links = (
        link("Status", prefix.to()),
        link("Requests", prefix.to("requests")),
        link("Runbooks", prefix.to("runbooks")),
        link("Metrics", prefix.link + telemetry_path),
    )
    return element("header", element("strong", "LeadSquared exporter"), element("nav", *links))
