"""When a submission is recorded, and what becomes of it when that fails."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from exporter import log
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account
from exporter.core.cursor import Cursor
from exporter.core.request import Submission
from exporter.errors import IntakeFull, InvalidEntry, StoreUnavailable
from exporter.gateway.recorder import Recorder
from exporter.gateway.spooled import Spooled
from exporter.leadsquared.endpoints import ENDPOINTS
from exporter.sources.delivery import Sleep
from exporter.sources.source import Accepted, Entry
from exporter.store.spool import MemorySpool, Spool, SqliteSpool
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
from tests.sources.twins import NOW, Health, MemoryIntake, Naps, Steady

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
    """A recorder and the spool behind it, without a gateway."""

    def __init__(
        self,
        intake: MemoryIntake,
        *,
        record_timeout: float = 5.0,
        spool: Spool | None = None,
        sleep: Sleep | None = None,
    ) -> None:
        self.intake = intake
        self.health = Health()
        self.meter = Meter()
        self.spool = MemorySpool() if spool is None else spool
        self.spooled = Spooled(
            self.spool,
            intake=lambda: intake,
            health=self.health,
            now=lambda: NOW,
            random=Steady(),
            sleep=sleep or Naps(),
        )
        self.recorder = Recorder(
            "gateway", record_timeout=record_timeout, spooled=self.spooled, health=self.health, meter=self.meter
        )
        self.traffic = MemoryTraffic(ACCOUNT, intake)

    def record(self, entry: Entry) -> asyncio.Future[None]:
        return self.recorder.record(entry, self.traffic)


class Broken(MemorySpool):
    """A spool on a disk that is full, until it is mended."""

    mended = False

    async def put(self, submissions: Sequence[Submission]) -> None:
        if not self.mended:
            raise StoreUnavailable("the disk is full")
        await super().put(submissions)


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
    assert stage.meter.unrecorded == 1


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


async def test_what_was_refused_is_in_the_spool_before_its_answer_goes_on_and_taken_later() -> None:
    stage = Stage(MemoryIntake(*[StoreUnavailable("full")] * 3))
    await stage.record(ENTRY)
    assert [one.request_id for one in await stage.spool.oldest(9)] == [REQUEST_ID]
    assert (stage.intake.ids, stage.meter.unrecorded, len(stage.spooled)) == ([], 1, 1)
    running = asyncio.create_task(stage.spooled.run())
    await eventually(lambda: stage.intake.ids == [REQUEST_ID])
    await eventually(lambda: len(stage.spooled) == 0)
    assert stage.health.story[-1] == "gateway up"
    assert stage.intake.entries == [ENTRY._replace(where="gateway gateway")]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_is_handed_on_before_it_is_recorded_is_spooled_and_counted_first() -> None:
    intake = Slow()
    stage = Stage(intake, record_timeout=0.02)
    await stage.record(ENTRY)
    assert (intake.ids, stage.meter.unrecorded) == ([], 1)
    assert [one.request_id for one in await stage.spool.oldest(9)] == [REQUEST_ID]
    intake.refusals = [StoreUnavailable("full")]
    intake.may.set()
    await stage.recorder.drain(5.0)
    assert (stage.meter.unrecorded, len(stage.spooled)) == (1, 1)


async def test_what_the_intake_refuses_for_good_is_counted_once() -> None:
    stage = Stage(MemoryIntake(InvalidEntry("no such account")))
    await stage.record(ENTRY)
    await stage.record(ENTRY._replace(request_id="other"))
    assert (stage.intake.ids, stage.meter.unrecorded) == (["other"], 1)


async def test_what_is_not_recorded_when_a_gateway_ends_goes_into_the_spool(tmp_path: Path) -> None:
    stage = Stage(Slow(), record_timeout=0.02, spool=SqliteSpool(str(tmp_path / "state-spool.db")))
    await stage.record(ENTRY)
    await stage.recorder.drain(0.02)
    await stage.spooled.close()
    again = Stage(MemoryIntake(), spool=SqliteSpool(str(tmp_path / "state-spool.db")))
    await again.spooled.open()
    assert len(again.spooled) == 1
    await again.spooled.hand_on()
    assert (again.intake.entries, len(again.spooled)) == ([ENTRY._replace(where="gateway gateway")], 0)
    await again.spooled.close()


async def test_a_stop_waits_for_what_is_being_recorded(tmp_path: Path) -> None:
    intake = Slow()
    stage = Stage(intake, record_timeout=0.02)
    await stage.record(ENTRY)
    draining = asyncio.create_task(stage.recorder.drain(60.0))
    await asyncio.sleep(0.05)
    assert not draining.done()
    intake.may.set()
    await draining
    assert (intake.ids, len(stage.spooled)) == ([REQUEST_ID], 1)
    await stage.spooled.hand_on()
    assert (intake.ids, len(stage.spooled)) == ([REQUEST_ID], 0)


async def test_a_spool_that_is_slow_too_holds_an_answer_no_longer_than_agreed_once_more() -> None:
    class Stuck(MemorySpool):
        async def put(self, submissions: Sequence[Submission]) -> None:
            await asyncio.Event().wait()

    stage = Stage(Slow(), record_timeout=0.02, spool=Stuck())
    async with asyncio.timeout(5):
        await stage.record(ENTRY)


async def test_what_the_spool_can_not_hold_waits_in_memory_and_its_loss_is_told(output: io.StringIO) -> None:
    spool = Broken()
    stage = Stage(MemoryIntake(*[IntakeFull("no room")] * 99), spool=spool)
    for number in range(3):
        await stage.record(ENTRY._replace(request_id=str(number)))
    assert len(stage.spooled) == 3
    await stage.spooled.close()
    assert 'msg="submissions that waited for the store are lost" count=3' in output.getvalue()


async def test_what_waited_in_memory_gets_into_the_spool_at_the_end_when_that_is_mended() -> None:
    spool = Broken()

    async def mend(_: float) -> None:
        spool.mended = True

    stage = Stage(MemoryIntake(*[IntakeFull("no room")] * 99), spool=spool, sleep=mend)
    await stage.record(ENTRY)
    await stage.spooled.close(5.0)
    assert [one.request_id for one in await spool.oldest(9)] == [REQUEST_ID]


async def test_what_an_account_submitted_that_is_gone_waits_for_its_return_and_keeps_no_other(
    output: io.StringIO,
) -> None:
    stage = Stage(MemoryIntake(*[StoreUnavailable("full")] * 3, InvalidEntry("no account 'acme'")))
    others = [ENTRY._replace(request_id="1"), ENTRY._replace(request_id="2", account="globex")]
    for entry in (ENTRY, *others):
        await stage.record(entry)
    await stage.spooled.hand_on()
    assert (stage.intake.ids, stage.spooled.counts()) == (["2"], {"acme": 2})
    assert "submissions wait for their account and api to be configured" in output.getvalue()
    await stage.spooled.hand_on()
    assert len(stage.spooled) == 2
    stage.spooled.reconsider()
    await stage.spooled.hand_on()
    assert (sorted(stage.intake.ids), len(stage.spooled)) == (["1", "2", REQUEST_ID], 0)


class Locked(MemorySpool):
    """A spool that can't be read at first."""

    refusals = 1

    async def open(self) -> Mapping[str, int]:
        if self.refusals:
            self.refusals -= 1
            raise StoreUnavailable("the database is locked by another program")
        return await super().open()


async def test_a_spool_that_can_not_be_read_at_the_start_is_read_later() -> None:
    spool = Locked()
    await spool.put([Submission(str(number), "acme", "lead_update", "gateway", NOW, NOW) for number in range(7000)])
    stage = Stage(MemoryIntake(), spool=spool)
    await stage.spooled.open()
    assert len(stage.spooled) == 0
    running = asyncio.create_task(stage.spooled.run())
    await eventually(lambda: len(stage.intake.ids) == 7000)
    await eventually(lambda: len(stage.spooled) == 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_spool_on_disk_leaves_out_what_is_refused(tmp_path: Path) -> None:
    spool = SqliteSpool(str(tmp_path / "state-spool.db"))
    rows = [
        Submission(f"{account}-{api}", account, api, "gateway", None, NOW) for account in "ab" for api in ("x", "y")
    ]
    await spool.put(rows)
    assert await spool.open() == {"a": 2, "b": 2}
    assert [one.request_id for one in await spool.oldest(9, without={("a", "x"), ("b", "y")})] == ["a-y", "b-x"]
    await spool.close()


async def test_a_spool_that_is_damaged_or_locked_keeps_no_gateway_from_starting(
    tmp_path: Path, output: io.StringIO
) -> None:
    path = tmp_path / "state-spool.db"
    path.write_bytes(b"this is no database" * 1000)
    stage = Stage(MemoryIntake(StoreUnavailable("full")), spool=SqliteSpool(str(path)))
    await stage.spooled.open()
    await stage.record(ENTRY)
    assert "the spool can't be read" in output.getvalue()
    await stage.spooled.hand_on()
    assert stage.intake.ids == [REQUEST_ID]
    await stage.spooled.close()


async def test_an_api_that_is_not_watched_passes_and_is_counted_and_told_of(output: io.StringIO) -> None:
    async with staged(accept) as stage:
        apis = {"lead_update": stage.traffic.account.apis["lead_update"]}
        stage.traffic.account = replace(stage.traffic.account, apis=apis)
        assert (await stage.ask(request("POST", "/lead/capture"))).body == BODY
    assert (stage.intake.ids, stage.meter.unrecorded) == ([], 1)
    assert stage.health.story[-1] == "gateway refused 1: the account's apis lack lead_capture"
    assert "problem=lead_capture account=acme" in output.getvalue()


async def test_each_reason_for_which_a_submission_is_not_recorded_is_told(output: io.StringIO) -> None:
    refused = MemoryIntake(IntakeFull("no room"), StoreUnavailable("the disk is full"), IntakeFull("no room"))
    stage = Stage(refused)
    for number in range(3):
        await stage.record(ENTRY._replace(request_id=str(number)))
    told = [line for line in output.getvalue().splitlines() if "is not recorded" in line]
    reasons = [line.partition(" problem=")[2].partition(" source=")[0] for line in told]
    assert reasons == ['"no room"', '"the disk is full"']


async def test_a_request_id_that_has_ended_already_is_told_and_counted(output: io.StringIO) -> None:
    stage = Stage(MemoryIntake())
    stage.traffic.ended = {"1", "2", "3"}
    for request_id in ("1", "2", "3", "4"):
        await stage.record(ENTRY._replace(request_id=request_id))

    # Told once in a while, whatever the number.
    (line,) = output.getvalue().splitlines()
    assert line.partition(" msg=")[2] == (
        '"LeadSquared answered a submission with the RequestID of a request that has ended; it is not watched again" '
        "source=gateway account=acme request_id=1"
    )
    assert stage.meter.unrecorded == 3
    assert stage.health.story.count("gateway refused 1: the RequestID of a request that has ended") == 3


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


async def test_what_waits_in_the_spool_keeps_its_reference(tmp_path: Path) -> None:
    intake = MemoryIntake(StoreUnavailable("the disk is full"))
    stage = Stage(intake, spool=SqliteSpool(str(tmp_path / "spool.db")))
    await stage.record(ENTRY._replace(reference="shop:2026/81#2"))
    await stage.spooled.hand_on()
    assert [(one.request_id, one.reference) for one in intake.entries] == [(REQUEST_ID, "shop:2026/81#2")]
    await stage.spooled.close()


async def test_what_waited_in_the_spool_while_the_clock_was_set_back_has_no_time_to_come(tmp_path: Path) -> None:
    intake = MemoryIntake(StoreUnavailable("the disk is full"), StoreUnavailable("the disk is full"))
    stage = Stage(intake, spool=SqliteSpool(str(tmp_path / "spool.db")))
    for name, ahead in (("a", 3600.0), ("b", 60.0)):
        await stage.record(ENTRY._replace(request_id=name, submitted=NOW + ahead))
    await stage.spooled.hand_on()
    assert {one.request_id: one.submitted for one in intake.entries} == {"a": None, "b": NOW + 60.0}
    assert "impossible_time" in stage.health.kinds
    await stage.spooled.close()
