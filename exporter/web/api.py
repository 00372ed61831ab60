"""The API: hand RequestIDs in, look at them, stop watching them."""

import asyncio

from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from exporter.config.settings import PushSource
from exporter.core.request import REQUEST_ID, State
from exporter.errors import IntakeFull, InvalidEntry, StoreError
from exporter.log import get_logger
from exporter.sources.groups import Terms, parse_json
from exporter.sources.source import Accepted, Entry
from exporter.store.store import Found
from exporter.web import filters
from exporter.web.answers import Refusal, json_answer, refused, unavailable
from exporter.web.authority import writer
from exporter.web.backend import Backend, Removal
from exporter.web.names import Names
from exporter.web.presentation import request_object

LARGEST_BODY = 8 * 1024 * 1024
BODY_SECONDS = 60.0
# A thousand RequestIDs take a few milliseconds to check; more of them must not stand in the way of a scrape.
_LARGEST_AT_ONCE = 64 * 1024

log = get_logger(__name__)


class BrokenOff(Refusal):
    """The caller went away within its body, or what it sent is no HTTP from there on."""


class Api:
    """Handlers of /api/v1. Without any push source in the configuration, loopback may write as the source `push`."""

    def __init__(self, backend: Backend, names: Names) -> None:
        self._backend = backend
        self._names = names

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/requests", self.add),
            web.get("/api/v1/requests", self.listing),
            web.get("/api/v1/requests/{request_id}", self.show),
            web.delete("/api/v1/requests/{request_id}", self.remove),
        ]

    async def add(self, request: web.Request) -> web.Response:
        source = writer(request, self._backend, self._names)
        accepted = await self._take_in(request, source)
        return json_answer({"accepted": accepted.accepted, "known": accepted.known}, status=202)

    async def listing(self, request: web.Request) -> web.Response:
        wanted, records = await filters.matching(filters.parse(request.query), self._backend)
        shown = records[: wanted.limit]
        cursor = str(shown[-1].sequence) if len(records) > wanted.limit else None
        return json_answer({"requests": [request_object(record) for record in shown], "next_cursor": cursor})

    async def show(self, request: web.Request) -> web.Response:
        found = await find(self._backend, request)
        return json_answer(request_object(found.record, found.transitions))

    async def remove(self, request: web.Request) -> web.Response:
        writer(request, self._backend, self._names)
        request_id = request.match_info["request_id"]
        removal = await self._remove(request_id) if REQUEST_ID.fullmatch(request_id) else Removal.UNKNOWN
        if removal is Removal.UNKNOWN:
            raise Refusal(404, "no such request")
        if removal is Removal.ENDED:
            raise Refusal(409, "the request has ended already")
        return json_answer({"request_id": request_id, "state": State.ABANDONED})

    async def _remove(self, request_id: str) -> Removal:
        try:
            return await self._backend.remove(request_id)
        except StoreError as error:
            raise unavailable("the store can't be written now; ask again") from error

    async def _take_in(self, request: web.Request, source: PushSource) -> Accepted:
        """What is kept out is the caller's to hear and the operator's too. Raises Refusal (400, 413, 415, 503).

        A body that does not fit is an error that is counted; the source is down only while it could take no other either.
        """
        try:
            _refuse_other_types(request)
            return await self._accept(source, await self._entries(await _body(request), source))
        except BrokenOff:
            # Nothing was handed in that could fit or not.
            raise
        except Refusal as refusal:
            self._refused(source, InvalidEntry(refusal.error, refusal.details))
            raise
        except InvalidEntry as error:
            self._refused(source, error)
            raise refused(error, 400) from error
        except IntakeFull as error:
            self._down(source, error)
            raise unavailable(str(error), error.details) from error
        except StoreError as error:
            self._down(source, error)
            raise unavailable("the store can't be written now; nothing was taken in") from error

    async def _entries(self, body: bytes, source: PushSource) -> list[Entry]:
        """Raises InvalidEntry."""
        backend = self._backend
        terms = Terms(
            apis=backend.apis(),
            account=source.account,
            api=source.api,
            now=backend.now(),
            references=backend.references,
        )
        if len(body) <= _LARGEST_AT_ONCE:
            return parse_json(body, terms)
        return await asyncio.to_thread(parse_json, body, terms)

    async def _accept(self, source: PushSource, entries: list[Entry]) -> Accepted:
        """Raises InvalidEntry, IntakeFull or StoreError."""
        if not entries:
            return Accepted(0, 0)
        accepted = await self._backend.intake.accept(source.name, entries)
        self._backend.health.up(source.name)
        return accepted

    def _refused(self, source: PushSource, error: InvalidEntry) -> None:
        log.warning("what was handed in does not fit", source=source.name, problem=error.in_full)
        self._backend.health.refused(source.name, error)

    def _down(self, source: PushSource, error: IntakeFull | StoreError) -> None:
        log.warning("intake refuses; the caller may try again", source=source.name, error=error.in_full)
        self._backend.health.down(source.name, error)


async def find(backend: Backend, request: web.Request) -> Found:
    """The request that the path names. Raises Refusal (404)."""
    request_id = request.match_info["request_id"]
    found = await backend.find(request_id) if REQUEST_ID.fullmatch(request_id) else None
    if found is None:
        raise Refusal(404, "no such request")
    return found


def _refuse_other_types(request: web.Request) -> None:
    """A form or plain text is what a foreign page can send without asking; JSON is not. Raises Refusal (415)."""
    if request.content_type != "application/json" or "Content-Type" not in request.headers:
        raise Refusal(415, "the body must be JSON, with the header Content-Type: application/json")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Refusal(415, "the body must be UTF-8")
    # A compressed body of 8 MiB can stand for gigabytes.
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal(415, "the body must not be compressed")


async def _body(request: web.Request) -> bytes:
    """Raises Refusal (413 past the limit, which is known before all of it has come; 400 for one that never ends)."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large() from error
    except (ConnectionError, ClientError, HttpProcessingError, web.RequestPayloadError) as error:
        raise BrokenOff(400, "the body broke off") from error
    except TimeoutError as error:
        raise Refusal(400, f"the body did not arrive within {BODY_SECONDS:.0f} s") from error
    # Whether a body of exactly the limit is refused is different from one aiohttp to the other.
    if len(body) > LARGEST_BODY:
        raise _too_large()
    return body


def _too_large() -> Refusal:
    return Refusal(413, f"the body must not have more than {LARGEST_BODY} bytes; split it")
