"""One fetch of a list: a conditional GET whose answer is bounded in size and time, and its errors as ours."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from exporter.config.settings import HttpSource
from exporter.config.tls import client_context
from exporter.errors import ConfigurationError, SourceRefused, SourceTimeout, SourceUnreachable, SourceUnreadable
from exporter.version import version

LARGEST = 8 * 1024 * 1024
_PART = 64 * 1024
_NOT_MODIFIED = 304
# A list that was changed so shortly before the answer may change again and keep its time, which counts whole seconds.
_SETTLED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server tells a version of the list by."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list as it was answered. `content_type` is without parameters, in lower case."""

    body: bytes
    content_type: str
    validators: Validators


async def fetch(source: HttpSource, validators: Validators) -> Fetched | None:
    """None where nothing has changed. Raises SourceUnreadable in its kinds; no message holds a query or a header.

    Keys and certificates are read for each fetch: changed ones are picked up.
    """
    shown = shown_url(source.url)
    context = await asyncio.to_thread(_context, source)
    try:
        async with (
            asyncio.timeout(source.timeout),
            _session() as session,
            _asked(session, source, context, validators) as answer,
        ):
            return await _read(answer, shown)
    except TimeoutError as error:
        raise SourceTimeout(f"{shown}: no answer within {source.timeout:g} s") from error
    except aiohttp.ClientConnectorCertificateError as error:
        why = _why(error.certificate_error)
        raise SourceUnreachable(
            f"{shown}: its certificate can't be verified{why}; check tls.ca_file and tls.server_name"
        ) from error
    except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
        raise SourceUnreachable(f"{shown}: {_reason(error)}") from error


def _why(error: Exception) -> str:
    return f" ({error.verify_message.rstrip('.')})" if isinstance(error, ssl.SSLCertVerificationError) else ""


def shown_url(url: str) -> str:
    """Without the query, which may hold a key."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _session() -> aiohttp.ClientSession:
    # Not decompressed: a few bytes could become gigabytes before they are counted.
    return aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())


def _asked(
    session: aiohttp.ClientSession, source: HttpSource, context: ssl.SSLContext | None, validators: Validators
) -> Any:
    # A redirect would take the token and the headers to another host.
    return session.get(
        source.url,
        headers={**_headers(source), **validators.headers()},
        allow_redirects=False,
        ssl=context or True,
        server_hostname=source.tls.server_name,
    )


def _headers(source: HttpSource) -> Mapping[str, str]:
    headers = {
        "Accept": "application/json, application/yaml, text/plain",
        "Accept-Encoding": "identity",
        "User-Agent": f"leadsquared-exporter/{version()}",
    }
    try:
        if source.token is not None:
            headers["Authorization"] = f"Bearer {source.token.reveal()}"
        return headers | {name: value.reveal() for name, value in source.headers}
    except ConfigurationError as error:
        raise SourceUnreadable(f"a header can't be sent: {error}") from error


def _context(source: HttpSource) -> ssl.SSLContext | None:
    if not source.url.startswith("https:"):
        return None
    try:
        return client_context(source.tls)
    except ConfigurationError as error:
        raise SourceUnreadable(f"tls can't be used: {error}") from error


async def _read(answer: aiohttp.ClientResponse, shown: str) -> Fetched | None:
    if answer.status == _NOT_MODIFIED:
        return None
    if answer.status != 200:
        raise SourceRefused(f"{shown}: {_told(answer)}", retry_after=_retry_after(answer))
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise SourceRefused(f"{shown}: answers compressed, although it was asked not to")
    body = bytearray()
    async for part in answer.content.iter_chunked(_PART):
        body += part
        if len(body) > LARGEST:
            raise SourceRefused(
                f"{shown}: answers more than {LARGEST // 1024 // 1024} MiB; let it answer what is new only"
            )
    return Fetched(bytes(body), answer.content_type.lower(), _validators(answer.headers))


def _validators(headers: Mapping[str, str]) -> Validators:
    """None where they may stay the same although the list changes: many a server makes its ETag of the time and the length."""
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    if modified is None:
        return Validators(etag)
    told, changed = _time(headers.get("Date")), _time(modified)
    is_settled = told is not None and changed is not None and told - changed >= _SETTLED_SECONDS
    return Validators(etag, modified) if is_settled else Validators()


def _time(text: str | None) -> float | None:
    """Seconds since the epoch; None where the text is no date of HTTP."""
    try:
        found = parsedate_to_datetime(text or "")
        # With the offset -0000 it comes without one.
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _told(answer: aiohttp.ClientResponse) -> str:
    if 300 <= answer.status < 400:
        return f"answers {answer.status}; url must be where it redirects to"
    if answer.status in (401, 403):
        return f"answers {answer.status}; check the token and the headers"
    return f"answers {answer.status}"


def _retry_after(answer: aiohttp.ClientResponse) -> float | None:
    text = answer.headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host is not known"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return f"can't be reached: {os.strerror(number) if number else 'unknown reason'}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off"
    return f"the connection failed ({type(error).__name__})"
