"""How the web answers: JSON for data and for every error, and the headers that all answers carry."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from exporter.errors import ExporterError, IntakeError

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
SERVER = "leadsquared-exporter"
RETRY_AFTER_SECONDS = 5


class Refusal(Exception):
    """An answer that is an error. `details` name what did not fit and what is allowed."""

    def __init__(
        self,
        status: int,
        error: str,
        details: Sequence[str] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.details = list(details)
        self.headers = dict(headers or {})


def refused(error: ExporterError, status: int) -> Refusal:
    """What one of our own errors becomes as an answer."""
    return Refusal(status, str(error), error.details if isinstance(error, IntakeError) else ())


def unavailable(error: str, details: Sequence[str] = ()) -> Refusal:
    return Refusal(503, error, details, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def json_answer(
    content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = json.dumps(content, separators=(",", ":")) + "\n"
    return web.Response(
        body=body.encode("ascii"), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


def error_answer(refusal: Refusal) -> web.Response:
    content = {"error": refusal.error, "details": refusal.details}
    return json_answer(content, status=refusal.status, headers=refusal.headers)
