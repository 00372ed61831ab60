"""One call through the gateway: recognised, answered from the cache or forwarded, and read on its way back."""

import asyncio

from exporter.config.settings import GatewaySource
from exporter.errors import CallError, CallTimeout, ConnectionFailed, InvalidResponse
from exporter.gateway import status
from exporter.gateway.account import AccountTraffic, GatewayMeter
from exporter.gateway.encoding import unpacked
from exporter.gateway.messages import SMALL, Passing, Upload, hops_left, json_answer, passed, problem
from exporter.gateway.recognise import Call, Recogniser, StatusQuestion, Submission
from exporter.gateway.recorder import Recorder
from exporter.gateway.reference import ReferenceHeader
from exporter.gateway.unknown import Unknown
from exporter.gateway.upstream import Body, Upstream, translated
from exporter.http.connection import Answer
from exporter.http.place import place
from exporter.http.request import Reply, Request
from exporter.http.trouble import BrokenOffError, HttpTrouble
from exporter.leadsquared.answer import find_error, read_status, read_submission
from exporter.leadsquared.network import ReadLater
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer
from exporter.sources.source import Entry

_READ_AHEAD = BODY_LIMIT + 1


class Forwarder:
    """Handles every request of a gateway. Nothing that goes wrong here is the application's trouble."""

    def __init__(
        self,
        source: GatewaySource,
        *,
        traffic: AccountTraffic,
        recorder: Recorder,
        upstream: Upstream,
        meter: GatewayMeter,
        unknown: Unknown,
        reference: ReferenceHeader,
    ) -> None:
        self._source = source
        self._traffic = traffic
        self._recorder = recorder
        self._upstream = upstream
        self._meter = meter
        self._unknown = unknown
        self._reference = reference
        self._recogniser = Recogniser()

    async def handle(self, request: Request) -> Reply | None:
        target = _origin(request.target)
        if request.method == "CONNECT" or not target:
            return problem(request, 501, "the gateway forwards to LeadSquared only")
        if hops_left(request) == 0:
            # It is for the last who may have it, and that is the gateway.
            return (
                request.reply(204, (), b"") if request.method == "OPTIONS" else problem(request, 501, "no TRACE here")
            )
        call = self._recogniser.recognise(request.method, target, self._traffic.account)
        if isinstance(call, StatusQuestion):
            target = call.target
            answer = await self._from_cache(request, call)
            if answer is not None:
                return answer
        return await self._forward(request, target, call)

    async def _from_cache(self, request: Request, question: StatusQuestion) -> Reply | None:
        if question.max_age is None:
            return problem(request, 400, "max_age: must be a number of seconds or a duration, such as 5 or 1m")
        found = await status.cached(question, self._traffic)
        if found is None:
            return None
        answer, age = found
        self._meter.cached_answer(self._source.account)
        return json_answer(request, answer, age=age)

    async def _forward(self, request: Request, target: str, call: Call) -> Reply | None:
        upload = Upload(request, timeout=self._source.timeout, kept=self._reference.kept)
        try:
            # A submission that never comes whole takes no place in the budget.
            body = await upload.body(ahead=isinstance(call, Submission))
        except BrokenOffError:
            if upload.silent:
                return _too_slow(request)
            request.break_off()
            return None
        sent = await self._begin(call)
        exchange = Exchange(request, target, call, self._traffic, sent)
        try:
            return await self._exchange(exchange, target, upload, body)
        except CallError as error:
            exchange.fail(error, counted=not upload.broken)
            if request.begun or (upload.broken and not upload.silent):
                # One side broke off in the middle: so does the gateway, and the other side sees it.
                request.break_off()
                return None
            return _too_slow(request) if upload.silent else _told(request, error)
        finally:
            exchange.end(lost=True)

    async def _begin(self, call: Call) -> float:
        if isinstance(call, Submission) and self._source.shape == "all":
            return await self._traffic.begin_in_turn(self._source.max_wait)
        return self._traffic.begin()

    async def _exchange(self, exchange: "Exchange", target: str, upload: Upload, body: Body) -> Reply | None:
        account = self._traffic.account
        answer = await self._upstream.call(
            place(account.base_url, account.proxy, account.tls),
            exchange.request.method,
            target,
            headers=upload.headers(),
            body=body,
            chunked=upload.chunked,
        )
        try:
            return await self._answered(exchange, answer)
        finally:
            answer.close()

    async def _answered(self, exchange: "Exchange", answer: Answer) -> Reply | None:
        exchange.answered(answer.status)
        if isinstance(exchange.call, Submission):
            return await self._hold(exchange, exchange.call, answer)
        if _is_short(answer) and exchange.request.method != "HEAD":
            body = await _read(answer)
            await self._look_at(exchange, answer, body)
            return passed(exchange.request, answer, body)
        return await self._stream(exchange, answer, b"")

    async def _hold(self, exchange: "Exchange", call: Submission, answer: Answer) -> Reply | None:
        """The answer of a submission is handed on when its RequestID is durable."""
        try:
            body = await _read(answer)
        except CallError as error:
            self._miss(answer, str(error))
            raise
        if len(body) > BODY_LIMIT:
            self._miss(answer, "a submission's answer of more than 1 MiB")
            return await self._stream(exchange, answer, body)
        try:
            request_id = read_submission(await _raw(answer, body))
        except CallError as error:
            exchange.refused(error)
            if isinstance(error, InvalidResponse):
                self._miss(answer, str(error))
        else:
            return await self._hand_on(exchange, call.api, request_id, answer, body)
        return passed(exchange.request, answer, body)

    def _miss(self, answer: Answer, why: str) -> None:
        """LeadSquared has accepted a submission, unless it says otherwise."""
        if answer.status < 400:
            self._recorder.miss(self._source.account, why)

    async def _hand_on(self, exchange: "Exchange", api: str, request_id: str, answer: Answer, body: bytes) -> Reply:
        """All that can be done while the store commits is done meanwhile."""
        recorded = self._record(exchange, api, request_id)
        self._traffic.succeeded()
        reply = passed(exchange.request, answer, body)
        if recorded is not None:
            await recorded
        return reply

    def _record(self, exchange: "Exchange", api: str, request_id: str) -> "asyncio.Future[None] | None":
        account = self._traffic.account
        if api not in account.apis:
            self._unknown.unconfigured(account, api)
            self._recorder.overlook(account.name, f"the account's apis lack {api}")
            return None
        where = f"gateway {self._source.name}"
        submitted, reference = self._traffic.wall(exchange.sent), self._reference.of(exchange.request)
        entry = Entry(request_id, account.name, api, submitted, where, reference)
        return self._recorder.record(entry, self._traffic)

    async def _stream(self, exchange: "Exchange", answer: Answer, first: bytes) -> Reply | None:
        passing = Passing(exchange.request, answer)
        copy = bytearray(first)
        try:
            await passing.write(first)
            while part := await _next(answer):
                await passing.write(part)
                copy += part[: max(0, _READ_AHEAD - len(copy))]
        except ConnectionError:
            # The application went away; the rest is for nobody.
            return None
        await self._look_at(exchange, answer, bytes(copy))
        return passing.end()

    async def _look_at(self, exchange: "Exchange", answer: Answer, body: bytes) -> None:
        """What an answer shows that is no submission's."""
        call = exchange.call
        try:
            # The answer to HEAD is one without its content.
            if isinstance(call, StatusQuestion) and exchange.request.method != "HEAD":
                report = read_status(await _raw(answer, body), call.request_id)
                self._traffic.heard(call.request_id, call.api, report, sent=exchange.sent)
            elif (error := find_error(await _raw(answer, b""), {})) is not None:
                raise error
        except CallError as error:
            exchange.refused(error)
        else:
            self._traffic.succeeded()
            if call is None and 0 < len(body) <= SMALL:
                await self._overhear(exchange, answer, body)

    async def _overhear(self, exchange: "Exchange", answer: Answer, body: bytes) -> None:
        """An update that nobody recognised must not vanish in silence."""
        try:
            raw = await _raw(answer, body)
        except CallError:
            # Of most calls nobody wants to know anything.
            return
        account = self._traffic.account
        if self._unknown.passed(account, exchange.request.method, exchange.target, raw):
            self._recorder.overlook(account.name, "no submit_paths of the account names the path")


class Exchange:
    """One call, its place in the budget, and what is counted of it."""

    def __init__(self, request: Request, target: str, call: Call, traffic: AccountTraffic, sent: float) -> None:
        self.request = request
        self.target = target
        self.call = call
        self.sent = sent
        self._traffic = traffic
        self._over = False
        self._counted = False

    def answered(self, code: int) -> None:
        """The headers of the answer are there: LeadSquared has counted the call."""
        self.end(lost=False)
        self._count(code)

    def refused(self, error: CallError) -> None:
        """The answer tells of an error, or can't be read."""
        self._traffic.failed(error, sent=self.sent)

    def fail(self, error: CallError, *, counted: bool) -> None:
        """There was no answer, or it broke off. Where the application broke the call off, nothing is LeadSquared's fault."""
        self.end(lost=not isinstance(error, ConnectionFailed) or error.sent)
        if counted:
            self._count("timeout" if isinstance(error, CallTimeout) else "connection_error")
            self._traffic.failed(error, sent=self.sent)

    def end(self, *, lost: bool) -> None:
        if not self._over:
            self._over = True
            self._traffic.end(lost=lost)

    def _count(self, code: int | str) -> None:
        if not self._counted:
            self._counted = True
            self._traffic.count(code, self._traffic.now() - self.sent)


def _origin(target: str) -> str:
    """Path and query of what was asked for; nothing where it has none. Proxies are asked for whole URLs."""
    if target.startswith("/"):
        return target
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return ""
    end = min((place for place in (rest.find("/"), rest.find("?")) if place >= 0), default=len(rest))
    return rest[end:] if rest[end:].startswith("/") else "/" + rest[end:]


def _is_short(answer: Answer) -> bool:
    lengths = answer.values(b"content-length")
    return bool(lengths) and int(lengths[0]) <= SMALL


async def _read(answer: Answer) -> bytes:
    """The body, or at least a little more than BODY_LIMIT of it. Raises CallError."""
    if answer.body.ended:
        return answer.body.take()
    parts: list[bytes] = []
    size = 0
    while size <= BODY_LIMIT and (part := await _next(answer)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


async def _next(answer: Answer) -> bytes:
    """What has arrived, once something has; nothing at the end. Raises CallError."""
    try:
        return await answer.body.next()
    except HttpTrouble as trouble:
        raise translated(trouble) from trouble


async def _raw(answer: Answer, body: bytes) -> RawAnswer:
    """The answer for those who read it, unpacked. Raises InvalidResponse where it can't be."""
    codings = b",".join(answer.values(b"content-encoding")).decode("latin-1")
    content = await unpacked(body, codings, limit=BODY_LIMIT) if codings and body else body
    return RawAnswer(answer.status, ReadLater(answer.fields), content)


def _told(request: Request, error: CallError) -> Reply:
    return problem(request, 504 if isinstance(error, CallTimeout) else 502, str(error))


def _too_slow(request: Request) -> Reply:
    return problem(request, 408, "the request stopped coming in the middle of its body", keeps=False)
