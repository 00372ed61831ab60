"""The machine's clock is set, before, while and after requests are taken in, and between two processes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from random import Random

import pytest

from exporter.config.settings import Polling
from exporter.core.budget import RESTART_SECONDS
from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter, Histogram
from exporter.core.request import Submission
from exporter.engine.engine import Engine
from exporter.engine.wall import OWNER, PART
from exporter.metrics.meters import Meters
from exporter.metrics.snapshot import ApiView
from exporter.simulator.door import Account as RemoteAccount
from exporter.simulator.options import Options
from exporter.simulator.remote import Remote
from exporter.simulator.transport import MemoryTransport, Network, Wire
from exporter.simulator.virtual_time import EPOCH, VirtualLoop
from exporter.sources.groups import Terms, parse_json
from exporter.sources.source import Entry
from exporter.store.memory import Durable, MemoryStore
from exporter.store.store import Query
from exporter.web.presentation import duration, moment
from tests.clocks import STEPS, Machine
from tests.engine.test_traffic import SETTINGS

# Of a request at the vendor.
LASTS = 40.0
STORE_TAKES = 0.02
QUIET = replace(SETTINGS, sources=(), polling=Polling(policy="age", stuck_after=300.0))
TERMS = Terms(apis={"acme": ["lead_update"]}, now=0.0)


class Slow(MemoryStore):
    """Takes its time to take in."""

    async def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()) -> list[int | None]:
        await asyncio.sleep(STORE_TAKES / 2)
        admitted = await super().admit(submissions, cursors)
        await asyncio.sleep(STORE_TAKES / 2)
        return admitted


class Scene:
    """One process after the other on one machine, and a vendor that goes by the time as it is."""

    def __init__(self, loop: VirtualLoop, machine: Machine) -> None:
        self.loop, self.machine, self.durable = loop, machine, Durable()
        self.meters = Meters()
        options = Options(queue_service_time=LASTS, queue_service_spread=0.0)
        accounts = [RemoteAccount(name="acme", key="acme-key", calls=1000)]
        self.remote = Remote(options, 1, accounts=accounts, logged_calls=None)
        self.wire = Wire(self.remote)
        self.settings = QUIET
        self.engine = self._engine()

    async def restart(self, *, kill: bool = False, reboot: bool = False, meanwhile: float | None = None) -> None:
        """`meanwhile`: what the clock is set to before the new process starts."""
        if kill:
            await self._die()
            self.durable = replace(
                self.durable, records=dict(self.durable.records), spent=dict(self.durable.spent), stopped_cleanly=False
            )
        else:
            await self.engine.stop()
        self.machine.boots += reboot
        self.machine.set(self.machine.offset if meanwhile is None else meanwhile)
        self.engine = self._engine()
        await self.engine.start()

    async def _die(self) -> None:
        """Nothing is written any more."""
        tasks = self.engine._tasks
        for poller in self.engine.pollers.values():
            poller.retire()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def submit(self, request_id: str) -> None:
        self.remote.submit(account="acme", api="lead_update", now=self.loop.time(), request_id=request_id)

    async def push(self, request_id: str, *, by: float | None) -> None:
        """Submit, and hand in with the time of a clock that is ahead by so much; None: without a time."""
        self.submit(request_id)
        entry = {"request_id": request_id}
        if by is not None:
            entry["submitted_at"] = moment(self.loop.time() + by) or ""
        body = json.dumps([{"request_ids": [entry]}]).encode()
        clock_now = self.machine.wall()
        await self.engine.intake.accept("push", parse_json(body, replace(TERMS, now=clock_now)))

    async def given(self, request_id: str, submitted: float) -> None:
        self.submit(request_id)
        await self.engine.intake.accept("log", [Entry(request_id, "acme", "lead_update", submitted)])

    def api(self) -> ApiView:
        (view,) = self.engine.views()
        (api,) = view.apis
        return api

    def total(self) -> float:
        """Of all durations."""
        return sum(one.total for one in self.engine.ledger.histograms[Histogram.DURATION].values())

    async def shown(self, request_id: str) -> dict[str, float | None]:
        found = await self.engine.find(request_id)
        assert found is not None
        record = found.record
        return {"submitted": record.submitted, "answered": record.answered, "finished": record.finished}

    async def duration(self, request_id: str) -> float:
        found = await self.engine.find(request_id)
        assert found is not None
        lower, upper = duration(found.record) or (0.0, 0.0)
        return (lower + upper) / 2

    def _engine(self) -> Engine:
        clock = self.machine.process()
        transport = MemoryTransport(self.wire, clock=self.loop, sleep=asyncio.sleep, seed=1, network=Network())
        return Engine(
            self.settings,
            store=Slow(self.durable),
            transport=transport,
            clock=clock,
            meter=self.meters,
            random=Random(1),
        )


Act = Callable[[Scene], Awaitable[None]]


def play(act: Act, *, wrong_by: float = 0.0) -> None:
    loop = VirtualLoop(start=EPOCH)

    async def whole() -> None:
        scene = Scene(loop, Machine(loop.time, wrong_by))
        await scene.engine.start()
        await act(scene)
        await scene.engine.stop()

    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(whole())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


both_ways = pytest.mark.parametrize("step", STEPS)


@both_ways
def test_after_a_wrong_clock_was_set_right_a_right_time_is_taken_and_shown(step: float) -> None:
    async def act(scene: Scene) -> None:
        scene.machine.set(0.0)
        await asyncio.sleep(2.0)
        submitted = scene.loop.time()
        await scene.push("r1", by=0.0)
        await asyncio.sleep(10.0)
        assert scene.api().oldest_age == pytest.approx(10.0, abs=0.1)
        assert scene.api().stuck == {}
        await asyncio.sleep(60.0)
        shown = await scene.shown("r1")
        assert shown["submitted"] == pytest.approx(submitted, abs=0.1)
        assert shown["finished"] == pytest.approx(submitted + LASTS, abs=10.0)
        assert scene.total() == pytest.approx(LASTS, abs=5.0)

    play(act, wrong_by=-step)


@both_ways
def test_the_last_success_is_shown_as_the_clock_is_set(step: float) -> None:
    async def act(scene: Scene) -> None:
        await scene.push("r1", by=scene.machine.offset)
        await asyncio.sleep(60.0)
        before = scene.engine.views()[0].last_success or 0.0
        scene.machine.set(scene.machine.offset + step)
        assert (scene.engine.views()[0].last_success or 0.0) - before == pytest.approx(step)

    play(act)


@both_ways
@pytest.mark.parametrize("is_dated", [True, False], ids=["dated", "undated"])
def test_what_is_pending_while_the_clock_is_set_keeps_its_age_and_duration(step: float, is_dated: bool) -> None:
    async def act(scene: Scene) -> None:
        await scene.push("r1", by=scene.machine.offset if is_dated else None)
        await asyncio.sleep(5.0)
        scene.machine.set(scene.machine.offset + step)
        await asyncio.sleep(5.0)
        assert scene.api().oldest_age == pytest.approx(10.0, abs=0.1)
        assert scene.api().stuck == {}
        assert scene.meters.clock_steps == abs(step)
        await asyncio.sleep(60.0)
        assert scene.engine.ledger.counters[Counter.FINISHED] == {
            ("acme", "lead_update", "success", "in_process_queue"): 1
        }
        assert scene.total() == pytest.approx(LASTS if is_dated else 0.0, abs=5.0)
        shown = await scene.shown("r1")
        assert shown["finished"] == pytest.approx(scene.machine.wall() - 30.0, abs=10.0)
        if is_dated:
            assert await scene.duration("r1") == pytest.approx(LASTS, abs=5.0)

    play(act, wrong_by=-step)


@both_ways
@pytest.mark.parametrize("restart", [False, True], ids=["one life", "two lives"])
def test_pages_and_the_list_of_stuck_requests_follow_a_clock_that_was_set(step: float, restart: bool) -> None:
    async def act(scene: Scene) -> None:
        for name in ("old", "young"):
            await scene.push(name, by=scene.machine.offset)
            await asyncio.sleep(10.0)
        submitted = scene.loop.time() - 10.0
        scene.machine.set(0.0)
        if restart:
            await scene.restart()
        assert [one.request_id for one in await scene.engine.page(Query(stuck_before=submitted - 5.0))] == ["old"]
        both = await scene.engine.page(Query(stuck_before=submitted + 5.0, limit=2))
        assert [one.request_id for one in both] == ["young", "old"]
        (young, _) = await scene.engine.page(Query())
        assert young.submitted == pytest.approx(submitted, abs=0.1)
        found = await scene.engine.find("young")
        assert found is not None
        assert found.record.first_seen == pytest.approx(submitted, abs=0.1)

    play(act, wrong_by=-step)


@both_ways
def test_the_clock_may_be_set_while_the_store_takes_in(step: float) -> None:
    async def act(scene: Scene) -> None:
        scene.submit("r1")
        entry = Entry("r1", "acme", "lead_update", scene.machine.wall())
        taking = asyncio.ensure_future(scene.engine.intake.accept("log", [entry]))
        await asyncio.sleep(STORE_TAKES / 2)
        scene.machine.set(scene.machine.offset + step)
        await taking
        await asyncio.sleep(10.0 - STORE_TAKES)
        assert scene.api().oldest_age == pytest.approx(10.0, abs=0.1)
        await scene.restart()
        assert scene.api().oldest_age == pytest.approx(10.0, abs=0.1)

    play(act)


def test_what_a_fast_clock_made_an_hour_old_is_as_young_as_it_is_once_it_is_right() -> None:
    async def act(scene: Scene) -> None:
        await scene.given("theirs", scene.loop.time())
        await scene.given("ours", scene.machine.wall())
        await asyncio.sleep(2.0)
        assert scene.api().stuck == {"none": 1}
        scene.machine.set(0.0)
        await asyncio.sleep(3.0)
        assert scene.api().oldest_age == pytest.approx(5.0, abs=0.1)
        assert scene.api().stuck == {}
        await asyncio.sleep(90.0)
        assert scene.total() == pytest.approx(2 * LASTS, abs=2 * LASTS)

    play(act, wrong_by=3600.0)


@both_ways
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_restart_after_the_clock_was_set_changes_no_age(step: float, kill: bool) -> None:
    async def act(scene: Scene) -> None:
        await scene.push("before", by=scene.machine.offset)
        await asyncio.sleep(5.0)
        scene.machine.set(scene.machine.offset + step)
        await asyncio.sleep(5.0)
        await scene.restart(kill=kill)
        assert scene.api().oldest_age == pytest.approx(10.0, abs=0.1)
        await asyncio.sleep(80.0)
        assert scene.total() == pytest.approx(LASTS, abs=8.0)

    play(act)


@both_ways
def test_a_clock_set_between_two_processes_of_one_boot_changes_no_age(step: float) -> None:
    async def act(scene: Scene) -> None:
        await scene.push("r1", by=scene.machine.offset)
        await asyncio.sleep(10.0)
        await scene.restart(meanwhile=scene.machine.offset + step)
        assert scene.meters.clock_steps == abs(step)
        assert scene.api().oldest_age == pytest.approx(10.0, abs=0.1)
        await asyncio.sleep(80.0)
        assert scene.total() == pytest.approx(LASTS, abs=8.0)

    play(act)


def test_after_a_reboot_with_a_slow_clock_nothing_is_younger_than_new() -> None:
    async def act(scene: Scene) -> None:
        await scene.push("r1", by=0.0)
        await asyncio.sleep(10.0)
        await scene.restart(reboot=True, meanwhile=-3600.0)
        assert scene.api().oldest_age == pytest.approx(0.0, abs=0.1)
        scene.machine.set(0.0)
        await asyncio.sleep(5.0)
        assert scene.api().oldest_age == pytest.approx(5.0, abs=0.1)
        assert (await scene.shown("r1"))["submitted"] == pytest.approx(EPOCH, abs=0.1)

    play(act)


def test_after_a_reboot_with_a_fast_clock_ages_are_right_once_it_is() -> None:
    async def act(scene: Scene) -> None:
        await scene.push("r1", by=0.0)
        await asyncio.sleep(10.0)
        await scene.restart(reboot=True, meanwhile=3600.0)
        assert sum(scene.api().stuck.values()) == 1
        scene.machine.set(0.0)
        await asyncio.sleep(5.0)
        assert scene.api().oldest_age == pytest.approx(15.0, abs=0.1)
        assert scene.api().stuck == {}

    play(act)


@pytest.mark.parametrize("reboot", [False, True], ids=["one boot", "another boot"])
def test_a_clean_stop_proves_a_window_of_seconds_within_one_boot_alone(reboot: bool) -> None:
    async def act(scene: Scene) -> None:
        budget = scene.engine.pollers["acme"].watch.budget
        await asyncio.sleep(20.0)
        for _ in range(3):
            budget.start()
            budget.end(scene.machine.wall())
        await scene.restart(reboot=reboot, meanwhile=3600.0)
        budget = scene.engine.pollers["acme"].watch.budget
        now = scene.machine.wall()
        assert budget.windows[0].used(now) == (5 if reboot else 3)
        later = now + 5.02 + (RESTART_SECONDS if reboot else 0.0)
        assert budget.windows[0].used(later) == 0

    play(act)


def test_the_list_of_stuck_requests_goes_by_the_wall_clock() -> None:
    async def act(scene: Scene) -> None:
        scene.machine.set(0.0)
        await scene.push("r1", by=0.0)
        wall = scene.machine.wall()
        assert await scene.engine.page(Query(stuck_before=wall - 1.0)) == []
        assert len(await scene.engine.page(Query(stuck_before=wall + 1.0))) == 1

    play(act, wrong_by=-3600.0)


@pytest.mark.parametrize(
    "kept",
    ["", "x", "[]", "{}", '{"boot":"0","offset":"nan","taken_in":[]}', '{"boot":"0","offset":0,"taken_in":[[1]]}'],
)
def test_what_was_kept_of_the_clock_and_can_not_be_read_is_as_nothing(kept: str) -> None:
    async def act(scene: Scene) -> None:
        await scene.push("r1", by=0.0)
        await asyncio.sleep(10.0)
        await scene.engine.stop()
        scene.durable.cursors[OWNER, PART] = kept
        scene.engine = scene._engine()
        await scene.engine.start()
        assert not scene.engine.wall.known
        assert scene.api().oldest_age == pytest.approx(10.0, abs=0.1)

    play(act)
