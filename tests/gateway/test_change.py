"""A gateway that goes on with other settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from exporter.config.settings import GatewaySource, Source
from exporter.errors import StoreUnavailable
from exporter.feed import Feed
from tests.e2e.processes import free_port
from tests.gateway.stage import (
    BODY,
    PATIENCE,
    REQUEST_ID,
    SOURCE,
    Seen,
    Stage,
    answer,
    eventually,
    read_answer,
    request,
    staged,
)
from tests.sources.twins import Health, MemoryIntake


def accept(_: Seen) -> list[bytes]:
    return [answer(BODY)]


@asynccontextmanager
async def patient(stage: Stage) -> AsyncIterator[asyncio.Event]:
    """Calls go to a vendor that answers when the event is set."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"[]")
        asked.set()
        await may.wait()
        writer.write(answer(BODY))
        await reader.read()
        writer.close()

    asked, may = asyncio.Event(), asyncio.Event()
    server = await stage.served_by(serve)
    try:
        yield may
    finally:
        server.close()


@pytest.mark.parametrize(
    "changed",
    [
        replace(SOURCE, record_timeout=1.0),
        replace(SOURCE, timeout=0.05),
        replace(SOURCE, shape="all"),
        replace(SOURCE, max_wait=1.0),
        replace(SOURCE, name="another"),
        replace(SOURCE, account="globex"),
    ],
)
async def test_a_call_under_way_ends_under_former_settings_and_others_come_in_meanwhile(
    changed: GatewaySource,
) -> None:
    async with staged(accept) as stage:
        reader, writer = await stage.connect()
        writer.write(request())
        assert (await read_answer(reader)).status == 200
        former = stage.traffic.account
        async with patient(stage) as may:
            writer.write(request())
            await eventually(lambda: stage.traffic.under_way == 1)
            await asyncio.sleep(0.01)
            stage.traffic.account = former
            stage.gateway.change(changed)
            assert (await stage.ask(request())).status == 200
            await asyncio.sleep(0.1)
            may.set()
            found = await read_answer(reader)
        assert (found.status, found.body) == (200, BODY)
        writer.write(request())
        assert (await read_answer(reader)).status == 200
        writer.close()


async def test_calls_that_come_after_a_change_pass_under_the_new_settings() -> None:
    async with staged(accept) as stage:
        stage.gateway.change(replace(SOURCE, shape="all", max_wait=3.0, timeout=0.05, name="another"))
        await stage.ask(request())
        stage.vendor.script = lambda _: []
        assert (await stage.ask(request())).status == 504
    assert stage.traffic.story[:3] == ["waited 3 at most", "200", "good"]
    assert stage.intake.calls == [("another", 1)]


async def test_another_address_is_open_before_the_former_one_closes() -> None:
    async with staged(accept) as stage:
        former = stage.address
        reader, writer = await stage.connect()
        writer.write(request())
        assert (await read_answer(reader)).values("Connection") == []
        async with patient(stage) as may:
            writer.write(request())
            await eventually(lambda: stage.traffic.under_way == 1)
            stage.gateway.change(replace(SOURCE, listen=f"127.0.0.1:{free_port()}"))
            await eventually(lambda: stage.gateway.url)
            assert stage.address != former
            await _closes(former)
            may.set()
            assert (await read_answer(reader)).body == BODY
            writer.write(request())
            assert (await read_answer(reader)).values("Connection") == ["close"]
            assert await reader.read() == b""
            writer.close()
            assert (await stage.ask(request())).body == BODY


async def _closes(address: tuple[str, int]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await _refuses(address):  # noqa: ASYNC110  (a port tells nobody)
            await asyncio.sleep(0.01)


async def _refuses(address: tuple[str, int]) -> bool:
    try:
        _, writer = await asyncio.open_connection(*address)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_while_another_address_is_taken_calls_come_in_at_the_former_one() -> None:
    async with staged(accept) as stage:
        former = stage.address
        taken = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        stage.gateway.change(replace(SOURCE, listen=f"127.0.0.1:{taken.sockets[0].getsockname()[1]}"))
        await eventually(lambda: "down" in stage.health.story[-1])
        assert stage.gateway.url is None
        assert not await _refuses(former)
        stage.gateway.change(SOURCE)
        await eventually(lambda: stage.health.story[-1] == "gateway up")
        assert stage.address == former
        taken.close()


async def test_one_port_moves_from_one_address_to_all() -> None:
    port = free_port()
    async with staged(accept, source=replace(SOURCE, listen=f"127.0.0.1:{port}")) as stage:
        stage.gateway.change(replace(SOURCE, listen=f"0.0.0.0:{port}"))
        await eventually(lambda: stage.gateway.url)
        assert (await stage.ask(request())).body == BODY


async def test_what_waits_for_the_store_outlives_a_change() -> None:
    async with staged(accept, intake=MemoryIntake(StoreUnavailable("full"))) as stage:
        assert (await stage.ask(request())).body == BODY
        assert stage.meter.unrecorded == 1
        stage.gateway.change(replace(SOURCE, max_wait=1.0))
        await eventually(lambda: stage.intake.ids == [REQUEST_ID])


class Pretended:
    """A source that can be given other settings, and does nothing."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.runs = True

    @property
    def name(self) -> str:
        return self.source.name

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.runs = False

    def change(self, source: Source) -> None:
        self.source = source


A = GatewaySource(account="acme", listen="127.0.0.1:1", name="gateway")
B = GatewaySource(account="globex", listen="127.0.0.1:2", name="gateway-2")


@pytest.mark.parametrize(
    ("former", "now"),
    [
        pytest.param([A], [replace(A, max_wait=1.0)], id="a setting"),
        pytest.param([A], [replace(A, listen="127.0.0.1:3")], id="the address"),
        pytest.param([A], [replace(A, name="mine")], id="the name"),
        pytest.param([A, B], [replace(A, listen=B.listen), replace(B, listen=A.listen)], id="addresses change places"),
        pytest.param(
            [A], [replace(B, name="gateway"), replace(A, name="gateway-2")], id="another one is put before it"
        ),
        pytest.param([A, B], [replace(B, name="gateway")], id="the one before it goes"),
    ],
)
async def test_the_gateway_at_an_address_goes_on_there_if_it_can_else_the_one_of_that_name(
    former: list[GatewaySource], now: list[GatewaySource]
) -> None:
    built: list[Pretended] = []

    def build(source: Source) -> Pretended:
        built.append(Pretended(source))
        return built[-1]

    feed = Feed(build, Health())
    await feed.apply(tuple(former))
    await asyncio.sleep(0)
    before = {one.source.listen: one for one in built}  # type: ignore[union-attr]
    await feed.apply(tuple(now))
    await asyncio.sleep(0)
    running = {one.source.listen: one for one in built if one.runs}  # type: ignore[union-attr]
    assert {one.source for one in running.values()} == set(now)
    for source in now:
        found = feed.find(source.name)
        assert found is running[source.listen]
        assert found is before.get(source.listen, found)
        assert source.listen in before or len(former) > 1 or len(now) > 1 or found is built[0]
    await feed.stop()
    assert not any(one.runs for one in built)


async def test_a_gateway_on_all_interfaces_answers_on_those_of_both_families() -> None:
    async with staged(accept, source=replace(SOURCE, listen="[::]:0")) as stage:
        for host in ("127.0.0.1", "::1"):
            reader, writer = await asyncio.open_connection(host, stage.address[1])
            writer.write(request())
            assert (await read_answer(reader)).status == 200
            writer.close()
