"""A gateway between two raw ends: a vendor that answers with given bytes, and an application that sends given bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, GatewaySource
from exporter.core.request import Record, Report
from exporter.errors import CallError
from exporter.gateway.source import Gateway
from exporter.gateway.spooled import Spooled
from exporter.gateway.unknown import Unknown
from exporter.http.room import Room
from exporter.leadsquared.endpoints import ENDPOINTS
from exporter.sources.source import Entry
from exporter.store.spool import MemorySpool
from tests.sources.twins import NOW, Clock, Health, MemoryIntake

PATIENCE = 10.0
REQUEST_ID = "7ba60ab0-7054-4856-8590-1b5a9f904ad1"
ACCEPTED = b'{"Status": "Request accepted. Please use below request id to check the status", "RequestID": "%s"}'
BODY = ACCEPTED % REQUEST_ID.encode()
SOURCE = GatewaySource(account="acme", listen="127.0.0.1:0", name="gateway", timeout=5.0, record_timeout=5.0)

Value = TypeVar("Value")


def answer(
    body: bytes = b"", *headers: str, status: str = "200 OK", chunked: bool = False, length: bool = True
) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    elif length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def request(
    method: str = "POST", target: str = "/lead/update?accessKey=k&secretKey=hidden", *headers: str, body: bytes = b"[]"
) -> bytes:
    length = [] if method in ("GET", "HEAD") and not body else [f"Content-Length: {len(body)}"]
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost:10041", *headers, *length, "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body if length else b"")


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived; `body` without its chunks."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given.lower() == name.lower()]


Script = Callable[[Seen], "Sequence[bytes] | None"]


class Vendor:
    """Answers each request with the pieces that `script` gives for it, one write each; None: hangs up without a word."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self.open = 0
        self.arriving = bytearray()
        self.hang_up = False
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while True:
                seen = await self._read(reader)
                self.seen.append(seen)
                pieces = self.script(seen)
                for piece in pieces or ():
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if pieces is None or self.hang_up:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Seen:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.rstrip("\r\n").split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (one.partition(":") for one in fields)]
        seen = Seen(line, headers, b"")
        if seen.values("transfer-encoding") == ["chunked"]:
            return replace(seen, body=await self._chunks(reader))
        length = int((seen.values("content-length") or ["0"])[0])
        return replace(seen, body=await self._exactly(reader, length))

    async def _chunks(self, reader: asyncio.StreamReader) -> bytes:
        self.arriving = bytearray()
        while size := int(await reader.readline(), 16):
            self.arriving += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return bytes(self.arriving)

    async def _exactly(self, reader: asyncio.StreamReader, length: int) -> bytes:
        self.arriving = bytearray()
        while len(self.arriving) < length:
            part = await reader.read(length - len(self.arriving))
            if not part:
                raise asyncio.IncompleteReadError(bytes(self.arriving), length)
            self.arriving += part
        return bytes(self.arriving)


@dataclass
class MemoryTraffic:
    """An account that remembers, in words, what happened to it."""

    account: Account
    intake: MemoryIntake
    clock: Clock = field(default_factory=Clock)
    story: list[str] = field(default_factory=list)
    heard_of: list[tuple[str, str, Report]] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    under_way: int = 0

    def now(self) -> float:
        return self.clock.now()

    def wall(self, time: float) -> float:
        return time + self.clock.ahead()

    def begin(self) -> float:
        self.under_way += 1
        return self.now()

    async def begin_in_turn(self, max_wait: float) -> float:
        self.story.append(f"waited {max_wait:g} at most")
        return self.begin()

    def end(self, *, lost: bool) -> None:
        self.under_way -= 1
        if lost:
            self.story.append("lost")

    def count(self, code: int | str, seconds: float) -> None:
        assert seconds >= 0
        self.story.append(str(code))

    def failed(self, error: CallError, *, sent: float) -> None:
        assert sent == NOW
        self.story.append(error.kind)

    def succeeded(self) -> None:
        self.story.append("good")

    def heard(self, request_id: str, api: str, report: Report, *, sent: float) -> None:
        self.heard_of.append((request_id, api, report))

    async def take_in(self, source: str, entry: Entry) -> bool:
        await self.intake.accept(source, (entry,))
        return entry.request_id not in self.ended

    async def last_answer(self, request_id: str) -> Record | None:
        return self.records.get(request_id)


@dataclass
class Meter:
    unrecorded: int = 0
    cached: int = 0

    def unrecorded_submission(self, account: str) -> None:
        assert account in ("acme", "globex")
        self.unrecorded += 1

    def cached_answer(self, account: str) -> None:
        assert account == "acme"
        self.cached += 1


class Stage:
    """The gateway, running, and all that it works with."""

    def __init__(self, vendor: Vendor, source: GatewaySource, intake: MemoryIntake | None) -> None:
        apis = {
            one.name: Api(name=one.name, status_path=one.status_path, metrics_path=one.metrics_path)
            for one in ENDPOINTS
        }
        account = Account(name="acme", base_url=vendor.url, api_key=InlineSecret("account-key"), apis=apis)
        self.vendor = vendor
        self.intake = intake or MemoryIntake()
        self.traffic = MemoryTraffic(account, self.intake)
        self.health = Health()
        self.meter = Meter()
        self.spool = MemorySpool()
        self.spooled = Spooled(self.spool, intake=lambda: self.intake, health=self.health, now=lambda: NOW)
        self.unknown = Unknown(now=lambda: NOW)
        self.gateway = Gateway(
            source,
            traffic=lambda _: self.traffic,
            spooled=self.spooled,
            health=self.health,
            meter=self.meter,
            unknown=self.unknown,
            room=Room(),
            grace=1.0,
        )

    @property
    def address(self) -> tuple[str, int]:
        assert self.gateway.url is not None
        host, _, port = self.gateway.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.address)

    async def served_by(
        self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> asyncio.Server:
        """From now on the account's calls go to one who does more than a script can."""
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.traffic.account = replace(self.traffic.account, base_url=url)
        return server

    async def ask(self, *pieces: bytes, method: str = "POST") -> "Answer":
        """Send these bytes, one write each, and read one answer."""
        reader, writer = await self.connect()
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            return await read_answer(reader, method=method)
        finally:
            writer.close()


@dataclass(frozen=True, slots=True)
class Answer:
    line: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.line.split()[1])

    def values(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given.lower() == name.lower()]


async def read_head(reader: asyncio.StreamReader) -> Answer:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode("latin-1")
    line, *fields = head.rstrip("\r\n").split("\r\n")
    return Answer(line, [(name, value.strip()) for name, _, value in (one.partition(":") for one in fields)], b"")


async def read_answer(reader: asyncio.StreamReader, *, method: str = "POST") -> Answer:
    head = await read_head(reader)
    while 101 < head.status < 200:
        head = await read_head(reader)
    if method == "HEAD" or head.status in (204, 304):
        return head
    async with asyncio.timeout(PATIENCE):
        if head.values("transfer-encoding") == ["chunked"]:
            parts = []
            while size := int(await reader.readline(), 16):
                parts.append(await reader.readexactly(size))
                await reader.readexactly(2)
            await reader.readexactly(2)
            return replace(head, body=b"".join(parts))
        if length := head.values("content-length"):
            return replace(head, body=await reader.readexactly(int(length[0])))
        return replace(head, body=await reader.read())


@asynccontextmanager
async def staged(
    script: Script, *, source: GatewaySource = SOURCE, intake: MemoryIntake | None = None
) -> AsyncIterator[Stage]:
    vendor = Vendor(script)
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    stage = Stage(vendor, source, intake)
    running = [asyncio.create_task(work) for work in (stage.gateway.run(), stage.spooled.run())]
    try:
        await eventually(lambda: stage.gateway.url)
        yield stage
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        server.close()
    assert stage.traffic.under_way == 0


async def eventually(what: Callable[[], Value]) -> Value:
    """Wait until it is true, and give it back."""
    async with asyncio.timeout(PATIENCE):
        while not (found := what()):  # noqa: ASYNC110  (what is waited for knows nothing of events)
            await asyncio.sleep(0.002)
    return found
