"""How the gateway reaches LeadSquared."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.config.settings import Tls
from exporter.errors import CallTimeout
from exporter.gateway.upstream import Upstream
from exporter.http.connection import Answer
from exporter.http.place import place
from exporter.http.trouble import PatienceError
from tests.certificates import self_signed, server_context
from tests.gateway.stage import BODY, PATIENCE, SOURCE, Seen, Vendor, answer, eventually, request, staged


def accept(_: Seen) -> list[bytes]:
    return [answer(BODY)]


async def test_what_comes_unasked_is_nobodys_answer() -> None:
    unasked = answer(status="408 Request Timeout")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"[]")
        writer.write(answer(BODY))
        await asyncio.sleep(0.05)
        writer.write(unasked)
        sent.set()
        await reader.read()
        writer.close()
        closed.append(writer)

    sent = asyncio.Event()
    closed: list[asyncio.StreamWriter] = []
    async with staged(accept) as stage:
        server = await stage.served_by(serve)
        assert (await stage.ask(request())).body == BODY
        await asyncio.wait_for(sent.wait(), 5.0)
        await asyncio.sleep(0.05)
        assert (await stage.ask(request())).body == BODY
        server.close()
    await eventually(lambda: len(closed) == 2)


async def test_silence_is_counted_from_the_last_byte_of_either_side() -> None:
    async with staged(accept, source=replace(SOURCE, timeout=0.4)) as stage:
        loop = asyncio.get_running_loop()
        await stage.ask(request())
        await asyncio.sleep(0.25)
        stage.vendor.script = lambda _: []
        began = loop.time()
        assert (await stage.ask(request())).status == 504
        assert 0.39 < loop.time() - began < 5.0
    assert stage.vendor.connections == 1


@pytest.mark.parametrize(("former", "timeout"), [(30.0, 0.1), (0.1, 0.3)])
async def test_a_connection_that_was_used_before_waits_as_long_as_is_agreed_now(former: float, timeout: float) -> None:
    loop = asyncio.get_running_loop()
    async with staged(accept) as stage:
        upstream = Upstream(timeout=former)
        (await upstream.call(place(stage.vendor.url), "GET", "/a", headers=b"", body=b"", chunked=False)).close()
        upstream.change(timeout=timeout)
        stage.vendor.script = lambda _: []
        began = loop.time()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(CallTimeout):
                await upstream.call(place(stage.vendor.url), "GET", "/b", headers=b"", body=b"", chunked=False)
        assert loop.time() - began > 0.9 * timeout
        assert stage.vendor.connections == 1
        await upstream.close()


async def test_a_connection_is_gone_although_nobody_reads_what_was_sent_over_it() -> None:
    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(answer(b"x" * 1000)[:-10])
        await done.wait()
        writer.transport.abort()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000_000)

    done = asyncio.Event()
    server = await asyncio.start_server(stuck, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    upstream = Upstream(timeout=0.2)
    begun = await upstream.call(place(url), "POST", "/a", headers=b"", body=endless(), chunked=True)
    with pytest.raises(PatienceError):
        await asyncio.wait_for(_read_to_the_end(begun), PATIENCE)
    begun.close()
    await eventually(lambda: upstream.in_use == 0)
    await upstream.close()
    done.set()
    server.close()


async def _read_to_the_end(begun: Answer) -> None:
    while await begun.body.next():
        pass


@pytest.mark.parametrize(("pause", "status"), [(0.15, 200), (30.0, 504)])
async def test_an_answer_may_take_its_time_as_long_as_something_comes(pause: float, status: int) -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"[]")
        gone = asyncio.ensure_future(reader.read())
        whole = answer(BODY)
        for start in range(0, len(whole), 40):
            writer.write(whole[start : start + 40])
            await asyncio.wait([gone], timeout=pause)
            if gone.done():
                break
        writer.close()
        await gone
        closed.set()

    closed = asyncio.Event()
    async with staged(accept, source=replace(SOURCE, timeout=0.4)) as stage:
        server = await stage.served_by(slowly)
        assert (await stage.ask(request())).status == status
        server.close()
    await asyncio.wait_for(closed.wait(), PATIENCE)


@pytest.mark.parametrize("trusted", [True, False])
async def test_leadsquared_is_reached_over_tls_where_its_certificate_is_trusted(trusted: bool, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    vendor = Vendor(accept)
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0, ssl=server_context(certificate))
    tls = Tls(ca_file=str(certificate)) if trusted else Tls()
    async with staged(accept) as stage:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        stage.traffic.account = replace(stage.traffic.account, base_url=url, tls=tls)
        answers = [await stage.ask(request()) for _ in range(2)]
    server.close()
    if trusted:
        assert [(one.status, one.body) for one in answers] == [(200, BODY)] * 2
        assert (len(vendor.seen), vendor.connections) == (2, 1)
    else:
        assert [one.status for one in answers] == [502, 502]
        assert b"certificate" in answers[0].body
        assert (vendor.seen, stage.traffic.story[:2]) == ([], ["connection_error", "connection"])


async def test_an_account_that_moves_is_called_at_its_new_place() -> None:
    async with staged(accept) as stage, staged(accept) as other:
        await stage.ask(request())
        stage.traffic.account = replace(stage.traffic.account, base_url=other.vendor.url)
        await stage.ask(request())
    assert (len(stage.vendor.seen), len(other.vendor.seen)) == (1, 1)
    assert other.vendor.seen[0].values("Host") == [other.vendor.url.removeprefix("http://")]
