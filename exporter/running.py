"""A running exporter, seen from another process: what `add` and `healthcheck` talk to.

The standard library is enough for it; a health check every few seconds should not cost the import of a web framework.
"""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, RemoteDisconnected
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.response import addinfourl

from exporter.errors import ExporterError

URL: Final = "http://127.0.0.1:10040"
_LONGEST = 1024 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`retry_after` is in seconds, None where the answer does not tell it."""

    status: int
    body: bytes
    retry_after: float | None = None

    def content(self) -> dict[str, Any]:
        """The JSON object of the body; empty where it is none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    def trouble(self) -> str:
        """What an error says, without the text of whatever else answers there."""
        content = self.content()
        said = content.get("error")
        return said if isinstance(said, str) else f"HTTP status {self.status}"

    def details(self) -> list[str]:
        details = self.content().get("details")
        return [str(detail) for detail in details] if isinstance(details, list) else []


class Unreachable(ExporterError):
    """No exporter answers at the URL."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and its token would go to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningExporter:
    """`url` is its base; `authorization` goes into the header of that name; `context` None uses the system's CAs."""

    url: str = URL
    authorization: str | None = None
    context: ssl.SSLContext | None = None
    timeout: float = 30.0

    def get(self, path: str) -> Answer:
        return self._call(urllib.request.Request(self.url.rstrip("/") + path, method="GET"))  # noqa: S310  (checked)

    def post(self, path: str, content: object) -> Answer:
        body = json.dumps(content, separators=(",", ":")).encode()
        request = urllib.request.Request(self.url.rstrip("/") + path, data=body, method="POST")  # noqa: S310  (checked)
        request.add_header("Content-Type", "application/json")
        return self._call(request)

    def _call(self, request: urllib.request.Request) -> Answer:
        """Raises Unreachable. Errors of HTTP are answers."""
        if self.authorization is not None:
            request.add_unredirected_header("Authorization", self.authorization)
        try:
            with self._opener().open(request, timeout=self.timeout) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error)
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{self.url} does not answer: {_reason(error)}") from error

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect(), urllib.request.HTTPSHandler(context=self.context)]
        if urlsplit(self.url).hostname in _LOOPBACK:
            # A proxy that the environment names can't reach the loopback of this machine.
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)


def _answer(status: int, response: addinfourl) -> Answer:
    after = (response.headers.get("Retry-After") or "").strip()
    retry_after = float(after) if after.isascii() and after.isdigit() else None
    return Answer(status=status, body=response.read(_LONGEST), retry_after=retry_after)


def check_url(text: str) -> str | None:
    """What is allowed, where the text is no base URL."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or parts.username is not None:
        return f"must be a URL such as {URL}, without user and query"
    return None


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ConnectionRefusedError):
        return "connection refused; is the exporter running there?"
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate can't be verified ({reason.verify_message}); --ca-file names its authority"
    if isinstance(reason, RemoteDisconnected):
        return "it hung up without a word; does it speak TLS (https://)?"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
