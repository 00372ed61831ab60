"""One RequestID that comes for two accounts, or for two APIs of one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random

import pytest

from exporter.config.settings import Settings
from exporter.engine.engine import Engine
from exporter.errors import InvalidEntry
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.meters import Meters
from exporter.sources.source import Accepted, Entry
from exporter.store.memory import MemoryStore
from tests.engine.test_intake import Still
from tests.engine.test_removal import SETTINGS
from tests.sources.logged import logged

(ACME,) = SETTINGS.accounts
CALL_LOG = replace(ACME.apis["lead_update"], name="call_log")
TWO = Settings(accounts=(replace(ACME, apis={**ACME.apis, "call_log": CALL_LOG}), replace(ACME, name="umbrella")))


def entry(name: str, account: str, api: str = "lead_update") -> Entry:
    return Entry(request_id=name, account=account, api=api, submitted=None)


class Bench:
    def __init__(self, settings: Settings = TWO) -> None:
        self.store = MemoryStore()
        self.transport = NetworkTransport()
        self.refused: list[tuple[str, str, int]] = []
        self.engine = Engine(
            settings,
            store=self.store,
            transport=self.transport,
            clock=Still(),
            meter=Meters(),
            random=Random(1),
            refused=self._refuse,
        )

    def _refuse(self, source: str, error: InvalidEntry, count: int) -> None:
        self.refused.append((source, str(error), count))

    async def accept(self, source: str, *entries: Entry) -> Accepted:
        return await self.engine.intake.accept(source, entries)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    await made.engine.start()
    yield made
    await made.engine.stop()
    await made.transport.close()


async def test_a_requestid_of_another_account_is_known_and_told_once_with_both(bench: Bench) -> None:
    await bench.accept("first", entry("a", "acme"), entry("b", "acme"), entry("c", "acme"))
    with logged() as log:
        for _ in range(2):
            given = entry("a", "umbrella"), entry("b", "umbrella"), entry("c", "acme"), entry("d", "umbrella")
            await bench.accept("second", *given)
    told = "a: watched for account acme, api lead_update, and not for account umbrella, api lead_update"
    assert bench.refused == [("second", told, 2)]
    (line,) = log.getvalue().splitlines()
    for field in ("account=umbrella", "watched_account=acme", "request_id=a", "requests=2", "source=second"):
        assert field in line
    assert "d" in bench.engine.pollers["umbrella"].watch.tracker.table
    assert len(bench.engine.pollers["acme"].watch.tracker) == 3


async def test_a_line_that_names_a_requestid_has_its_reference_too(bench: Bench) -> None:
    first, second = (entry("a", account)._replace(reference="shop:2026/81#2") for account in ("acme", "umbrella"))
    with logged("debug") as log:
        await bench.accept("first", first, entry("b", "acme"))
        await bench.accept("second", second)
        for name in ("a", "b"):
            assert await bench.engine.remove(name)
    stray, referred, plain = (line for line in log.getvalue().splitlines() if "request_id=" in line)
    assert "request_id=a reference=shop:2026/81#2 watched_account=acme" in stray
    assert "request_id=a reference=shop:2026/81#2 status=unknown" in referred
    assert "request_id=b status=unknown" in plain


async def test_another_api_of_the_account_is_told_too(bench: Bench) -> None:
    await bench.accept("first", entry("a", "acme"))
    assert await bench.accept("second", entry("a", "acme", "call_log")) == Accepted(0, 1)
    told = "a: watched for account acme, api lead_update, and not for account acme, api call_log"
    assert bench.refused == [("second", told, 1)]


async def test_of_two_accounts_in_one_call_the_first_has_it(bench: Bench) -> None:
    assert await bench.accept("push", entry("a", "umbrella"), entry("a", "acme")) == Accepted(1, 1)
    told = "a: watched for account umbrella, api lead_update, and not for account acme, api lead_update"
    assert bench.refused == [("push", told, 1)]


async def test_what_has_just_ended_for_another_account_is_told(bench: Bench) -> None:
    await bench.accept("first", entry("a", "acme"))
    assert await bench.engine.remove("a")
    assert await bench.accept("second", entry("a", "umbrella")) == Accepted(0, 1)
    assert [count for _, _, count in bench.refused] == [1]


async def test_the_same_again_is_no_mistake(bench: Bench) -> None:
    for source in ("first", "second"):
        await bench.accept(source, entry("a", "acme"), entry("a", "acme"), entry("b", "umbrella"))
    assert bench.refused == []
