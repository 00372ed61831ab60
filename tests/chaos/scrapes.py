"""A scrape each second, as Prometheus does it: what has to be true in every one of them, and from one to the next."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping

from tests.chaos.exporter import Away, Exporter
from tests.chaos.truth import Truth

_FAMILIES = "discovered_total", "pending", "finished_total", "abandoned_total"
_SERIES = re.compile(f'leadsquared_requests_({"|".join(_FAMILIES)}){{account="([^"]*)",api="([^"]*)"')
_DURABLE = "discovered_total", "finished_total", "abandoned_total"

# By family, without `leadsquared_requests_`, account and api.
Sums = Mapping[tuple[str, str, str], float]


def sums(metrics: Mapping[str, float]) -> Sums:
    found: Counter[tuple[str, str, str]] = Counter()
    for series, value in metrics.items():
        if (match := _SERIES.match(series)) is not None:
            found[match[1], match[2], match[3]] += int(value)
    return found


def total(found: Sums, family: str, account: str | None = None) -> int:
    return int(sum(value for (name, of, _), value in found.items() if name == family and account in (None, of)))


class Scraper:
    def __init__(self, exporter: Exporter, truth: Truth) -> None:
        self.scrapes = 0
        self._exporter = exporter
        self._truth = truth
        self._last: Sums = {}
        self._scraping = asyncio.Lock()

    async def run(self) -> None:
        while True:
            await self.scrape()
            await asyncio.sleep(1.0)

    async def scrape(self) -> Sums | None:
        """None while the exporter is away. One at a time: of two answers that are under way, the later one may be the older."""
        async with self._scraping:
            return await self._scrape()

    async def _scrape(self) -> Sums | None:
        try:
            found = sums(await self._exporter.metrics())
        except Away:
            return None
        self.scrapes += 1
        self._check_balance(found)
        self._check_growth(found)
        self._last = found
        return found

    def _check_balance(self, found: Sums) -> None:
        for account, api in {(account, api) for _, account, api in found}:
            counts = {family: int(found.get((family, account, api), 0)) for family in _FAMILIES}
            discovered = counts.pop("discovered_total")
            if discovered != sum(counts.values()):
                self._truth.complain(
                    f"a scrape of {account}/{api} does not come out even", f"discovered {discovered}, {counts}"
                )

    def _check_growth(self, found: Sums) -> None:
        for key, before in self._last.items():
            if key[0] in _DURABLE and found.get(key, 0) < before:
                self._truth.complain(f"{key[0]} of {key[1]}/{key[2]} fell", f"from {before:g} to {found.get(key, 0):g}")
