"""A scrape: the picture is taken on the event loop, the text is written and compressed in a thread of its own."""

import asyncio
import gzip
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.metrics.collector import Collector, Snapshot
from exporter.metrics.exposition import render
from exporter.metrics.negotiation import Choice, choose

GZIP_LEVEL = 1
# Only more scrapes than this at once would wait for each other; each has a text of megabytes in memory where there are many
# accounts, and takes turns with the poll loop for the interpreter.
AT_ONCE = 16


class Scraper:
    """Answers scrapes, each with a picture of its own moment. None waits for another."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._process = CollectorRegistry(support_collectors_without_names=True)
        for part in (ProcessCollector, PlatformCollector, GCCollector):
            part(registry=self._process)
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="scrape")

    async def scrape(
        self, accept: str | None, accept_encoding: str | None, names: Collection[str]
    ) -> tuple[bytes, dict[str, str]]:
        """The body and its headers."""
        choice = choose(accept, accept_encoding)
        snapshot = self._collector.snapshot()
        body = await asyncio.get_running_loop().run_in_executor(self._threads, self._write, snapshot, choice, names)
        return body, choice.headers

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    def _write(self, snapshot: Snapshot, choice: Choice, names: Collection[str]) -> bytes:
        text = render(snapshot, openmetrics=choice.openmetrics, names=names).encode() + self._own(choice, names)
        return gzip.compress(text, GZIP_LEVEL) if choice.gzip else text

    def _own(self, choice: Choice, names: Collection[str]) -> bytes:
        """What prometheus_client tells of any process; it reads /proc, which is nothing for the event loop."""
        registry = self._process.restricted_registry(list(names)) if names else self._process
        write = generate_openmetrics if choice.openmetrics else generate_latest
        return bytes(write(registry))
