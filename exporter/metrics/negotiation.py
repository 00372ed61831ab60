"""Which format and coding a scraper wants."""

from dataclasses import dataclass

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Choice:
    openmetrics: bool
    gzip: bool

    @property
    def headers(self) -> dict[str, str]:
        headers = {
            "Content-Type": OPENMETRICS if self.openmetrics else TEXT,
            "Vary": "Accept, Accept-Encoding",
        }
        return headers | ({"Content-Encoding": "gzip"} if self.gzip else {})


def choose(accept: str | None, accept_encoding: str | None) -> Choice:
    """OpenMetrics where it is wanted at least as much as text; text for anything that is not understood."""
    wanted: dict[str, float] = {}
    for kind, parameters in _parts(accept):
        if kind == "application/openmetrics-text" and parameters.get("version", "1.0.0") not in ("1.0.0", "0.0.1"):
            continue
        wanted[kind] = max(wanted.get(kind, 0.0), _quality(parameters))
    openmetrics = wanted.get("application/openmetrics-text", 0.0)
    text = max(wanted.get(kind, 0.0) for kind in ("text/plain", "text/*", "*/*"))
    return Choice(openmetrics > 0 and openmetrics >= text, _gzip(accept_encoding))


def _gzip(accept_encoding: str | None) -> bool:
    codings = {coding: _quality(parameters) for coding, parameters in _parts(accept_encoding)}
    return codings.get("gzip", codings.get("*", 0.0)) > 0


def _parts(header: str | None) -> list[tuple[str, dict[str, str]]]:
    found = []
    for part in (header or "").split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        found.append((kind.lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}))
    return found


def _quality(parameters: dict[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0
