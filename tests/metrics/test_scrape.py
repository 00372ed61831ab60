import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from threading import Event

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from exporter.metrics.scrape import Scraper
from exporter.metrics.snapshot import AccountView
from tests.metrics.scene import busy, scene


@pytest.fixture
async def scraper() -> AsyncIterator[Scraper]:
    one = Scraper(busy())
    yield one
    one.close()


async def test_a_scrape_tells_of_the_process_too(scraper: Scraper) -> None:
    body, headers = await scraper.scrape(None, None, ())
    text = body.decode()
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    for name in (
        "leadsquared_polls_total",
        "process_resident_memory_bytes",
        "python_info",
        "python_gc_collections_total",
    ):
        assert f"\n# TYPE {name} " in text
    assert "# EOF" not in text


async def test_openmetrics_ends_once_and_is_whole(scraper: Scraper) -> None:
    body, _ = await scraper.scrape("application/openmetrics-text", None, ())
    assert body.count(b"# EOF") == 1
    assert {"leadsquared_polls", "process_cpu_seconds"} <= {one.name for one in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("accept", [None, "application/openmetrics-text"])
async def test_names_select_from_all_that_is_shown(scraper: Scraper, accept: str | None) -> None:
    names = ("leadsquared_exporter_store_up", "process_open_fds")
    body, _ = await scraper.scrape(accept, None, names)
    samples = [line.split(" ")[0] for line in body.decode().splitlines() if not line.startswith("#")]
    assert samples == ["leadsquared_exporter_store_up", "process_open_fds"]


async def test_a_compressed_scrape_says_so(scraper: Scraper) -> None:
    body, headers = await scraper.scrape(None, "gzip", ("leadsquared_exporter_store_up",))
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body).endswith(b"leadsquared_exporter_store_up 1.0\n")


async def test_scrapes_at_once_are_all_answered(scraper: Scraper) -> None:
    names = ("leadsquared_polls_total",)
    answers = await asyncio.gather(*(scraper.scrape(None, None, names) for _ in range(5)))
    assert len({body for body, _ in answers}) == 1


class Slow(list[AccountView]):
    """Views that take until told to be written down for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = Event(), Event()

    def __iter__(self) -> Iterator[AccountView]:
        if not self.begun.is_set():
            self.begun.set()
            self.go_on.wait(10.0)
        return super().__iter__()


async def test_a_small_scrape_does_not_wait_for_a_large_one_that_is_being_written() -> None:
    slow = Slow()
    scraper = Scraper(scene(views=slow))
    large = asyncio.create_task(scraper.scrape(None, None, ()))
    try:
        assert await asyncio.to_thread(slow.begun.wait, 10.0)
        async with asyncio.timeout(5.0):
            body, _ = await scraper.scrape(None, None, ("leadsquared_exporter_store_up",))
        assert body.endswith(b"leadsquared_exporter_store_up 1.0\n")
        assert not large.done()
    finally:
        slow.go_on.set()
        await large
        scraper.close()
