import asyncio
from datetime import UTC, datetime

from exporter.client import AsyncClient, Counts
from tests.cli.server import Reply, serving
from tests.client.exporters import exporting
from tests.e2e.processes import free_port
from tests.web.twins import NOW, MemoryBackend

LONG = 3600.0


async def test_what_is_watched_arrives_when_the_client_closes() -> None:
    backend = MemoryBackend()
    with exporting(backend) as url:
        async with AsyncClient(url, linger=LONG, account="acme") as client:
            client.watch("r-1", datetime.fromtimestamp(NOW, UTC))

        assert client.counts == Counts(taken=1, dropped=0, waiting=0)
    assert list(backend.records) == ["r-1"]


async def test_flushing_waits_for_the_answer() -> None:
    with serving(Reply(202, {"accepted": 2, "known": 0})) as server:
        async with AsyncClient(server.url, linger=LONG) as client:
            client.watch("r-1")
            client.watch("r-2")

            assert await client.flush()
            assert client.counts == Counts(taken=2, dropped=0, waiting=0)


async def test_one_time_ahead_of_the_exporters_clock_costs_neither_its_request_nor_another() -> None:
    backend = MemoryBackend()
    with exporting(backend) as url:
        async with AsyncClient(url, linger=LONG) as client:
            for name, ahead in (("r-1", 0), ("r-2", 600), ("r-3", 0)):
                client.watch(name, datetime.fromtimestamp(NOW + ahead, UTC))

        assert client.counts == Counts(taken=3, dropped=0, waiting=0)
    assert [record.submitted for record in backend.records.values()] == [NOW, None, NOW]


async def test_the_loop_goes_on_while_a_dead_exporter_is_waited_for() -> None:
    client = AsyncClient(f"http://127.0.0.1:{free_port()}")
    client.watch("r-1")
    waiting = asyncio.create_task(client.flush(timeout=0.2))
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0)
        turns += 1

    assert not await waiting
    assert turns > 10
    await client.close(timeout=0.0)
