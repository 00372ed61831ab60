"""When a submission is recorded, and what becomes of it when that fails."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from exporter import log
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account
from exporter.core.cursor import Cursor
from exporter.errors import IntakeFull, InvalidEntry, StoreUnavailable
from exporter.gateway.late import Late
from exporter.gateway.recorder import Recorder
from exporter.leadsquared.endpoints import ENDPOINTS
from exporter.sources.delivery import Sleep
from exporter.sources.source import Accepted, Entry
from tests.gateway.stage import (
    ACCEPTED,
    BODY,
    REQUEST_ID,
    SOURCE,
    MemoryTraffic,
    Meter,
    Seen,
    answer,
    eventually,
    read_answer,
    request,
    staged,
)
from tests.sources.twins import NOW, Health, MemoryIntake, Naps

ACCOUNT = Account(name="acme", base_url="", api_key=InlineSecret("k"))
ENTRY = Entry(request_id=REQUEST_ID, account="acme", api="lead_update", submitted=NOW)


def accept(_: Seen) -> list[bytes]:
    return [answer(BODY)]


class Slow(MemoryIntake):
    """Takes in nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted:
        await self.may.wait()
        return await super().accept(source, entries, cursors)


class Stage:
    """A recorder and what waits behind it, without a gateway."""

    def __init__(self, intake: MemoryIntake, *, record_timeout: float = 5.0, sleep: Sleep | None = None) -> None:
        self.intake = intake
        self.health = Health()
        self.meter = Meter()
        self.late = Late("gateway", intake=intake, health=self.health, sleep=sleep or Naps())
        self.recorder = Recorder(
            "gateway", record_timeout=record_timeout, late=self.late, health=self.health, meter=self.meter
        )
        self._traffic = MemoryTraffic(ACCOUNT, intake)

    def record(self, entry: Entry) -> asyncio.Future[None]:
        return self.recorder.record(entry, self._traffic)


@pytest.fixture
async def output() -> AsyncIterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(level="debug", form="logfmt", stream=stream)
    yield stream
    log.configure(level="warn", form="logfmt")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.name)
async def test_a_submission_to_each_api_is_recorded_with_the_time_it_was_sent(endpoint: object) -> None:
    name, path = endpoint.name, endpoint.submit_path  # type: ignore[attr-defined]
    target = f"{path}/connector-key/guid" if name == "call_log" else f"{path}?accessKey=k"
    async with staged(accept) as stage:
        await stage.ask(request("POST", target))
    (entry,) = stage.intake.entries
    assert entry == ENTRY._replace(api=name, where="gateway gateway")
    assert stage.traffic.story == ["200", "good"]


async def test_the_answer_waits_for_the_commit() -> None:
    intake = Slow()
    async with staged(accept, intake=intake) as stage:
        reader, writer = await stage.connect()
        writer.write(request())
        await eventually(lambda: stage.traffic.story == ["200", "good"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        intake.may.set()
        assert (await read_answer(reader)).body == BODY
        writer.close()


async def test_a_slow_store_holds_an_answer_no_longer_than_agreed_and_the_request_is_recorded_when_it_can_be() -> None:
    intake = Slow()
    async with staged(accept, intake=intake, source=replace(SOURCE, record_timeout=0.05)) as stage:
        assert (await stage.ask(request())).body == BODY
        assert intake.ids == []
        intake.may.set()
        await eventually(lambda: intake.ids == [REQUEST_ID])
    assert stage.meter.unrecorded == 0


async def test_each_answer_is_held_for_a_time_of_its_own() -> None:
    stage = Stage(Slow(), record_timeout=0.2)
    first = stage.record(ENTRY)
    await asyncio.sleep(0.1)
    second = stage.record(ENTRY._replace(request_id="other"))
    await first
    assert not second.done()
    await second


async def test_another_record_timeout_is_for_the_answers_that_come_then() -> None:
    stage = Stage(Slow(), record_timeout=0.3)
    first = stage.record(ENTRY)
    stage.recorder.change("gateway", record_timeout=0.05)
    second = stage.record(ENTRY._replace(request_id="other"))
    await second
    assert not first.done()
    await first


@pytest.mark.parametrize("trouble", [StoreUnavailable("the disk is full"), IntakeFull("no room")])
async def test_while_nothing_can_be_recorded_answers_pass_and_are_counted(trouble: Exception) -> None:
    intake = MemoryIntake(trouble)  # type: ignore[arg-type]
    async with staged(accept, intake=intake) as stage:
        assert (await stage.ask(request())).body == BODY
        assert stage.meter.unrecorded == 1
        assert stage.health.story[-1] == f"gateway down: {trouble}"


async def test_what_was_refused_is_handed_in_again_until_it_is_taken() -> None:
    stage = Stage(MemoryIntake(*[StoreUnavailable("full")] * 3))
    running = asyncio.create_task(stage.late.run())
    await stage.record(ENTRY)
    assert (stage.intake.ids, stage.meter.unrecorded) == ([], 1)
    await eventually(lambda: stage.intake.ids == [REQUEST_ID])
    await eventually(lambda: stage.health.story[-1] == "gateway up")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_the_intake_refuses_for_good_is_counted_once() -> None:
    stage = Stage(MemoryIntake(InvalidEntry("no such account")))
    await stage.record(ENTRY)
    await stage.record(ENTRY._replace(request_id="other"))
    assert (stage.intake.ids, stage.meter.unrecorded) == (["other"], 1)


async def test_what_waits_when_a_gateway_ends_is_handed_in_then() -> None:
    stage = Stage(MemoryIntake(StoreUnavailable("full")))
    await stage.record(ENTRY)
    await stage.late.close()
    assert stage.intake.ids == [REQUEST_ID]


async def test_what_a_gateway_leaves_behind_when_it_ends_is_told(output: io.StringIO) -> None:
    stage = Stage(MemoryIntake(*[IntakeFull("no room")] * 99), sleep=asyncio.sleep)
    for number in range(3):
        await stage.record(ENTRY._replace(request_id=str(number)))
    await stage.late.close()
    assert stage.intake.ids == []
    assert 'msg="submissions that waited for the store are lost" count=3' in output.getvalue()


async def test_an_account_that_is_gone_takes_no_other_with_it(output: io.StringIO) -> None:
    stage = Stage(MemoryIntake(*[StoreUnavailable("full")] * 3, InvalidEntry("no account 'acme'")))
    others = [ENTRY._replace(request_id="1"), ENTRY._replace(request_id="2", account="globex")]
    for entry in (ENTRY, *others):
        await stage.record(entry)
    await stage.late.close()
    assert stage.intake.ids == ["2"]
    assert "count=2 source=gateway account=acme" in output.getvalue()


async def test_an_api_that_is_not_watched_passes_and_is_counted_and_told_of(output: io.StringIO) -> None:
    async with staged(accept) as stage:
        apis = {"lead_update": stage.traffic.account.apis["lead_update"]}
        stage.traffic.account = replace(stage.traffic.account, apis=apis)
        assert (await stage.ask(request("POST", "/lead/capture"))).body == BODY
    assert (stage.intake.ids, stage.meter.unrecorded) == ([], 1)
    assert stage.health.story[-1] == "gateway refused 1: the account's apis lack lead_capture"
    assert 'problem="the account\'s apis lack lead_capture"' in output.getvalue()


async def test_each_reason_for_which_a_submission_is_not_recorded_is_told(output: io.StringIO) -> None:
    refused = MemoryIntake(IntakeFull("no room"), StoreUnavailable("the disk is full"), IntakeFull("no room"))
    stage = Stage(refused)
    for number in range(3):
        await stage.record(ENTRY._replace(request_id=str(number)))
    told = [line for line in output.getvalue().splitlines() if "is not recorded" in line]
    reasons = [line.partition(" problem=")[2].partition(" source=")[0] for line in told]
    assert reasons == ['"no room"', '"the disk is full"']


async def test_nothing_that_passes_is_logged_whatever_happens(output: io.StringIO) -> None:
    """Keys are in the query, in headers and, for call logs, in the path; lead data is in bodies."""
    target = "/1/api/telephony/logcallcomplete/HIDDEN-1?secretKey=HIDDEN-2"
    given = request("POST", target, "X-Api-Key: HIDDEN-3", body=b'{"phone": "HIDDEN-4"}')
    scripts = [
        [answer(ACCEPTED % b"HIDDEN/5")],
        [answer(b"HIDDEN-5", status="500 Oh")],
        [answer(b"HIDDEN-5")[:-3]],
        [b"HIDDEN-5\r\n\r\n"],
        None,
    ]
    async with staged(accept, intake=MemoryIntake(*[StoreUnavailable("full")] * 9)) as stage:
        await stage.ask(given)
        for script in scripts:
            stage.vendor.script = lambda _, script=script: script  # type: ignore[misc]
            stage.vendor.hang_up = True
            await stage.ask(given)
        assert (await stage.ask(b"GET /\x00 HTTP/1.1\r\nHIDDEN 6\r\n\r\n")).status == 400
    assert "gateway listens" in output.getvalue()
    assert "HIDDEN" not in output.getvalue()
