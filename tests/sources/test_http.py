"""The http source against a real server that restarts, answers slowly, wrongly, too much, or asks who is there."""

import asyncio
import json
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exporter.config import settings
from exporter.config.secret import FileSecret, InlineSecret
from exporter.core.retention import UNREAD
from exporter.errors import IntakeFull
from exporter.sources.environment import Environment
from exporter.sources.http.fetch import LARGEST
from exporter.sources.http.source import HttpSource
from tests.certificates import complete
from tests.sources.logged import logged
from tests.sources.twins import Clock, Health, MemoryIntake, Naps, Steady, at_once

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """An application with a list at /pending. `asked` are the headers of the calls."""

    def __init__(self) -> None:
        self.body: bytes = b"[]"
        self.headers: dict[str, str] = {"Content-Type": "application/json"}
        self.status = 200
        self.answer: Handler | None = None
        self.asked: list[dict[str, str]] = []
        self.port = 0
        self.context: ssl.SSLContext | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}/pending"

    def holds(self, *ids: str, **headers: str) -> None:
        self.body = json.dumps([{"request_ids": list(ids)}]).encode()
        self.headers |= {name.replace("_", "-"): value for name, value in headers.items()}

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/pending", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.context, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.headers))
        if self.answer is not None:
            return await self.answer(request)
        same = [
            request.headers.get(asks) == self.headers[tells]
            for asks, tells in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
            if tells in self.headers
        ]
        if same and all(same):
            return web.Response(status=304)
        return web.Response(body=self.body, status=self.status, headers=self.headers)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.start()
    yield made
    await made.stop()


class Bench:
    def __init__(self, server: Server, *, intake: MemoryIntake | None = None, **keys: Any) -> None:
        self.intake = intake or MemoryIntake()
        self.health = Health()
        self.naps = Naps()
        self.clock = Clock()
        defaults: dict[str, Any] = {
            "account": "acme",
            "api": None,
            "url": server.url,
            "interval": 30.0,
            "timeout": 5.0,
            "headers": (),
            "token": None,
            "tls": settings.Tls(),
            "name": "app",
        }
        self.source = HttpSource(
            settings.HttpSource(**{**defaults, **keys}),
            Environment(
                intake=self.intake,
                health=self.health,
                clock=self.clock,
                apis=lambda: {"acme": ["lead_update"]},
                random=Steady(),
                sleep=self.naps,
                in_thread=at_once,
            ),
        )

    async def trouble(self) -> str:
        """What a fetch that fails says."""
        await self.source.ask()
        return self.health.story[-1].removeprefix("app down: ")


async def test_only_what_is_new_in_the_list_is_handed_in(server: Server) -> None:
    bench = Bench(server)
    server.holds("a", "b")
    assert await bench.source.ask() == 30.0
    server.holds("b", "c")
    await bench.source.ask()
    assert bench.intake.ids == ["a", "b", "c"]
    assert bench.intake.calls == [("app", 2), ("app", 1)]
    assert bench.health.story == ["app up"]


async def test_a_list_that_has_not_changed_is_not_sent_again(server: Server) -> None:
    bench = Bench(server)
    told = {"Last_Modified": "Mon, 02 Feb 2026 02:40:00 GMT", "Date": "Mon, 02 Feb 2026 02:41:00 GMT"}
    server.holds("a", ETag='"1"', **told)
    for _ in range(3):
        await bench.source.ask()
    assert "If-None-Match" not in server.asked[0]
    assert [asked.get("If-None-Match") for asked in server.asked[1:]] == ['"1"', '"1"']
    assert server.asked[1]["If-Modified-Since"] == "Mon, 02 Feb 2026 02:40:00 GMT"
    server.holds("b", ETag='"2"')
    await bench.source.ask()
    assert bench.intake.ids == ["a", "b"]
    assert bench.health.story == ["app up"]


TIMES = {
    "a second before its end": ("Mon, 02 Feb 2026 02:40:00 GMT", "Mon, 02 Feb 2026 02:40:59 GMT", False),
    "settled": ("Mon, 02 Feb 2026 02:40:00 GMT", "Mon, 02 Feb 2026 02:41:00 GMT", True),
    "in the future": ("Mon, 02 Feb 2026 02:40:00 GMT", "Mon, 02 Feb 2026 02:39:00 GMT", False),
    "no date": ("Mon, 02 Feb 2026 02:40:00 GMT", "now", False),
    "no time": ("yesterday", "Mon, 02 Feb 2026 02:41:00 GMT", False),
    "no number": ("Mon, 02 Feb 99999 02:40:00 GMT", "Mon, 02 Feb 2026 02:41:00 GMT", False),
}


@pytest.mark.parametrize("name", TIMES)
async def test_a_version_is_known_again_only_where_its_time_is_a_minute_old(server: Server, name: str) -> None:
    modified, date, known = TIMES[name]
    bench = Bench(server)
    server.holds("a", ETag='"1"', Last_Modified=modified, Date=date)
    for _ in range(2):
        await bench.source.ask()
    assert ("If-None-Match" in server.asked[1]) is known
    assert ("If-Modified-Since" in server.asked[1]) is known
    assert bench.health.story == ["app up"]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def folder_served(folder: Path) -> Iterator[str]:
    """By a server that tells the times of its files in whole seconds, and answers 304 by them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/list.txt"
        server.shutdown()
        thread.join()


async def test_a_file_that_changes_twice_in_a_second_is_fetched_again(server: Server, tmp_path: Path) -> None:
    path, second = tmp_path / "list.txt", int(time.time())
    with folder_served(tmp_path) as url:
        bench = Bench(server, url=url)
        for name in ("a", "b", "c"):
            path.write_text(f"{name}\n")
            os.utime(path, (second, second))
            await bench.source.ask()
        assert bench.intake.ids == ["a", "b", "c"]


async def test_a_list_is_fetched_and_handed_in_whole_once_an_hour(server: Server) -> None:
    bench = Bench(server)
    server.holds("a", "b", ETag='"1"')
    assert bench.source.read_since == UNREAD
    await bench.source.ask()
    begun = bench.clock.time
    bench.clock.time += 3599
    await bench.source.ask()
    assert (bench.intake.calls, bench.source.read_since) == ([("app", 2)], begun)
    bench.clock.time += 1
    await server.stop()
    await bench.source.ask()
    assert bench.source.read_since == begun
    await server.start()
    await bench.source.ask()
    assert "If-None-Match" not in server.asked[-1]
    assert bench.intake.calls == [("app", 2), ("app", 2)]
    assert bench.source.read_since == begun + 3600


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", '[{"request_ids": ["a", "b"]}]'),
        ("application/problem+json", '{"request_ids": ["a", "b"]}'),
        ("application/yaml", "request_ids: [a, b]\n"),
        ("text/plain", "a\nb 2026-02-02T02:40:00Z\n"),
        ("text/plain", ' [{"request_ids": ["a", "b"]}]'),
        ("application/octet-stream", "- request_ids: [a]\n- request_ids: [b]\n"),
    ],
)
async def test_a_list_is_read_in_the_format_that_it_is_in(server: Server, content_type: str, body: str) -> None:
    bench = Bench(server)
    server.body, server.headers = body.encode(), {"Content-Type": content_type}
    await bench.source.ask()
    assert bench.intake.ids == ["a", "b"]


async def test_a_broken_list_takes_nothing_in_and_is_told_with_its_line(server: Server) -> None:
    bench = Bench(server)
    server.holds("a", ETag='"1"')
    await bench.source.ask()
    server.body, server.headers = (
        b'[{"request_ids": ["b",\n"c d"]}]',
        {"Content-Type": "application/json", "ETag": '"2"'},
    )
    assert await bench.trouble() == (
        f"nothing was taken in: 1 mistake; {server.url}:2: [0].request_ids[1]: "
        "must be 1 to 128 characters of A-Z a-z 0-9 . _ -, got a text of 3 characters"
    )
    server.body = b'[{"request_ids": '
    assert await bench.trouble() == f"{server.url}: not JSON: line 1, column 18: Expecting value"
    server.holds("b", ETag='"3"')
    assert await bench.source.ask() == 30.0
    assert bench.intake.ids == ["a", "b"]
    assert bench.health.story[-1] == "app up"


async def test_a_broken_list_is_not_asked_for_more_often_than_a_sound_one(server: Server) -> None:
    bench = Bench(server)
    server.body = b"{"
    assert await bench.source.ask() == 30.0


async def test_a_server_that_restarts_is_asked_again_ever_more_slowly(server: Server) -> None:
    bench = Bench(server)
    server.holds("a")
    await bench.source.ask()
    await server.stop()
    assert [await bench.source.ask() for _ in range(3)] == [1.0, 2.0, 4.0]
    assert bench.health.story[1:] == [f"app down: {server.url}: can't be reached: Connection refused"] * 3
    await server.start()
    server.holds("b")
    assert await bench.source.ask() == 30.0
    await server.stop()
    assert await bench.source.ask() == 1.0
    assert bench.intake.ids == ["a", "b"]


async def test_it_waits_as_long_as_it_is_told_to(server: Server) -> None:
    bench = Bench(server)
    server.status, server.headers = 503, {"Retry-After": "120"}
    assert await bench.source.ask() == 120.0
    server.headers = {"Retry-After": "99999"}
    assert await bench.source.ask() == 3600.0


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (500, {}, "answers 500"),
        (404, {}, "answers 404"),
        (401, {}, "answers 401; check the token and the headers"),
        (302, {"Location": "http://elsewhere/"}, "answers 302; url must be where it redirects to"),
        (200, {"Content-Encoding": "gzip"}, "answers compressed, although it was asked not to"),
    ],
)
async def test_what_is_no_list_is_told(server: Server, status: int, headers: dict[str, str], told: str) -> None:
    server.status, server.headers = status, headers
    assert await Bench(server).trouble() == f"{server.url}: {told}"


async def test_every_failure_is_in_the_log(server: Server) -> None:
    bench = Bench(server)
    with logged() as log:
        for server.status in (500, 404, 401):
            await bench.source.ask()
    assert [f"answers {status}" in log.getvalue() for status in (500, 404, 401)] == [True] * 3


async def test_a_list_without_an_end_is_given_up_at_its_bound(server: Server) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)

    bench = Bench(server)
    server.body = b" " * (LARGEST - 2) + b"[]"
    await bench.source.ask()
    assert bench.health.story == ["app up"]
    server.answer = answer
    assert await bench.trouble() == f"{server.url}: answers more than 8 MiB; let it answer what is new only"


async def test_an_answer_that_breaks_off_or_takes_too_long_is_told(server: Server) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"[")
        assert request.transport is not None
        request.transport.abort()
        return response

    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    bench = Bench(server, timeout=0.2)
    server.answer = break_off
    assert await bench.trouble() in (
        f"{server.url}: the answer broke off",
        f"{server.url}: the connection failed (ClientOSError)",
    )
    server.answer = never
    assert await bench.trouble() == f"{server.url}: no answer within 0.2 s"


async def test_a_host_that_nobody_knows_is_told_without_the_query(server: Server) -> None:
    bench = Bench(server, url="http://nobody.invalid/pending?key=secret")
    assert await bench.trouble() == "http://nobody.invalid/pending: its host is not known"


async def test_token_and_headers_are_sent_and_picked_up_when_their_files_change(server: Server, tmp_path: Path) -> None:
    token, team = tmp_path / "token", tmp_path / "team"
    token.write_text("first\n")
    team.write_text("crm and sales\n")
    headers = (("X-Team", FileSecret(team, blanks=True)), ("Accept", InlineSecret("application/json")))
    bench = Bench(server, token=FileSecret(token), headers=headers)
    await bench.source.ask()
    assert server.asked[0]["Authorization"] == "Bearer first"
    assert server.asked[0]["X-Team"] == "crm and sales"
    assert server.asked[0]["Accept"] == "application/json"
    token.write_text("second one is longer\n")
    assert await bench.trouble() == (
        f"a header can't be sent: {token}: it must hold one line of visible ASCII characters and nothing else"
    )
    token.write_text("second\n")
    await bench.source.ask()
    assert server.asked[1]["Authorization"] == "Bearer second"


async def test_a_refusing_intake_is_waited_for_and_the_list_is_asked_for_again_until_all_of_it_is_in(
    server: Server,
) -> None:
    bench = Bench(server, intake=MemoryIntake(IntakeFull("full")))
    server.holds("a", "b", ETag='"1"')
    await bench.source.ask()
    assert bench.intake.ids == ["a", "b"]
    assert bench.health.story == ["app down: full", "app up"]


async def test_it_asks_every_interval_until_it_is_cancelled(server: Server) -> None:
    bench = Bench(server)
    bench.naps.most = 3
    with pytest.raises(asyncio.CancelledError):
        await bench.source.run()
    assert bench.naps.taken == [30.0] * 3


class Authority:
    """Signs certificates, and writes each with its key into one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.path = self._write("ca.pem", self.key, self._builder("authority", self.key, is_authority=True))

    def sign(self, name: str) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(f"{name}.pem", key, self._builder(name, key, is_authority=False))

    def _builder(self, name: str, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        )
        return complete(made, key, signer=self.key, is_authority=is_authority)

    def _write(self, file: str, key: ec.EllipticCurvePrivateKey, builder: x509.CertificateBuilder) -> Path:
        path = self.folder / file
        encoding = serialization.Encoding.PEM
        private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(private + builder.sign(self.key, hashes.SHA256()).public_bytes(encoding))
        return path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def serving(certificate: Path, client_ca: Path) -> AsyncIterator[Server]:
    server = Server()
    server.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(client_ca))
    server.context.load_cert_chain(certificate)
    server.context.verify_mode = ssl.CERT_REQUIRED
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_a_server_is_trusted_by_its_authority_and_name_and_trusts_the_certificate(authority: Authority) -> None:
    own = str(authority.sign("exporter"))
    async with serving(authority.sign("app.internal"), authority.path) as server:
        server.holds("a")
        trusted = settings.Tls(ca_file=str(authority.path), cert_file=own, server_name="app.internal")
        bench = Bench(server, tls=trusted)
        await bench.source.ask()
        assert bench.intake.ids == ["a"]
        unverified = f"{server.url}: its certificate can't be verified (%s); check tls.ca_file and tls.server_name"
        wrong_name = settings.Tls(ca_file=str(authority.path), cert_file=own)
        assert await Bench(server, tls=wrong_name).trouble() == unverified % (
            "IP address mismatch, certificate is not valid for '127.0.0.1'"
        )
        unknown_authority = settings.Tls(cert_file=own, server_name="app.internal")
        assert await Bench(server, tls=unknown_authority).trouble() == unverified % (
            "self-signed certificate in certificate chain"
        )
        nobody = settings.Tls(ca_file=str(authority.path), server_name="app.internal")
        assert "the connection failed" in await Bench(server, tls=nobody).trouble()


async def test_a_certificate_that_went_away_is_told(authority: Authority) -> None:
    async with serving(authority.sign("app.internal"), authority.path) as server:
        tls = settings.Tls(ca_file=str(authority.folder / "none.pem"))
        told = await Bench(server, tls=tls).trouble()
        assert told == f"tls can't be used: {authority.folder}/none.pem: there is no such file"
