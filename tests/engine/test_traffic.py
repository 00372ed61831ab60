"""What the application's calls do to an account."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, Cache, GatewaySource, Polling, RateLimit, Settings
from exporter.core.breaker import Mode
from exporter.core.cursor import Cursor
from exporter.core.request import Report, State, Status, Submission
from exporter.engine.engine import Engine
from exporter.engine.traffic import Traffic
from exporter.errors import RateLimited, ServerError, StoreUnavailable
from exporter.leadsquared.endpoints import BY_NAME
from exporter.metrics.meters import Meters
from exporter.simulator.door import Account as RemoteAccount
from exporter.simulator.options import Options
from exporter.simulator.remote import Remote
from exporter.simulator.transport import MemoryTransport, Network, Wire
from exporter.simulator.virtual_time import EPOCH, VirtualLoop
from exporter.sources.source import Entry
from exporter.store.memory import Durable, MemoryStore
from exporter.store.store import Store

LEAD_UPDATE = BY_NAME["lead_update"]
ACCOUNT = Account(
    name="acme",
    base_url="http://127.0.0.1",
    api_key=InlineSecret("acme-key"),
    rate_limit=RateLimit(calls=10, period=5.0),
    apis={"lead_update": Api(name="lead_update", status_path=LEAD_UPDATE.status_path, metrics_path=None)},
)
SETTINGS = Settings(
    accounts=(ACCOUNT,),
    sources=(GatewaySource(account="acme", listen="127.0.0.1:0", name="gateway"),),
    polling=Polling(policy="age"),
    cache=Cache(finished_ttl=600.0),
)
QUEUED = Report(status=Status.IN_QUEUE, current_step="none", last_step="none")
SUCCESS = Report(status=Status.SUCCESS, current_step="none", last_step="in_process_queue")


class Scene:
    """An engine in virtual time, with one request `r1` that the vendor has and never ends."""

    def __init__(self, loop: VirtualLoop, store: Store, settings: Settings) -> None:
        self.loop = loop
        self.meters = Meters()
        self.remote = Remote(
            Options(queue_service_time=86400.0),
            1,
            accounts=[RemoteAccount(name="acme", key="acme-key", calls=1000)],
            logged_calls=None,
        )
        self.remote.submit(account="acme", api="lead_update", now=loop.time(), request_id="r1")
        transport = MemoryTransport(Wire(self.remote), clock=loop, sleep=asyncio.sleep, seed=1, network=Network())
        self.engine = Engine(
            settings,
            store=store,
            transport=transport,
            clock=loop,
            meter=self.meters,
            random=Random(1),
        )

    @property
    def traffic(self) -> Traffic:
        return self.engine.traffic("acme")

    @property
    def polls(self) -> int:
        return self.remote.busiest("acme")["polls"]

    async def take_in(self) -> None:
        entry = Entry(request_id="r1", account="acme", api="lead_update", submitted=self.loop.time())
        await self.engine.intake.accept("gateway", [entry])

    async def asked(self) -> None:
        """Until the exporter itself has had an answer."""
        while (record := await self.traffic.last_answer("r1")) is None or record.polls == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


Act = Callable[[Scene], Awaitable[None]]


def play(
    act: Act,
    *,
    durable: Durable | None = None,
    settings: Settings = SETTINGS,
    start: float = EPOCH,
    store: Store | None = None,
) -> Durable:
    loop = VirtualLoop(start=start)
    durable = durable or Durable()

    async def whole() -> None:
        scene = Scene(loop, store or MemoryStore(durable), settings)
        await scene.engine.start()
        await act(scene)
        await scene.engine.stop()

    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(whole())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return durable


def test_the_application_leaves_the_exporter_what_it_does_not_use() -> None:
    async def act(scene: Scene) -> None:
        await asyncio.sleep(10.0)
        for _ in range(10):
            scene.traffic.begin()
        await scene.take_in()
        await asyncio.sleep(20.0)
        assert (await scene.engine.find("r1")).record.polls == 0  # type: ignore[union-attr]
        for _ in range(10):
            scene.traffic.end(lost=False)
        await asyncio.sleep(4.9)
        assert (await scene.engine.find("r1")).record.polls == 0  # type: ignore[union-attr]
        await asyncio.sleep(1.2)
        assert (await scene.engine.find("r1")).record.polls > 0  # type: ignore[union-attr]

    play(act)


def test_what_the_application_hears_is_taken_in_and_saves_a_poll() -> None:
    async def act(scene: Scene) -> None:
        await scene.take_in()
        await scene.asked()
        before = scene.loop.time()
        scene.traffic.heard("r1", "lead_update", SUCCESS, sent=before)
        await asyncio.sleep(1.0)
        record = await scene.traffic.last_answer("r1")
        assert record is not None
        assert (record.state, record.finished) == (State.FINISHED, before)
        assert scene.meters.polls.get(("acme", "lead_update", "finished"), 0) == 0

    play(act)


def test_an_unfinished_answer_that_is_heard_puts_off_the_next_poll() -> None:
    async def act(scene: Scene) -> None:
        await scene.take_in()
        await asyncio.sleep(600.0)
        polls = (await scene.engine.find("r1")).record.polls  # type: ignore[union-attr]
        for _ in range(20):
            # Its pauses are a tenth of its age, a minute at least.
            await asyncio.sleep(30.0)
            scene.traffic.heard("r1", "lead_update", QUEUED, sent=scene.loop.time())
        assert (await scene.engine.find("r1")).record.polls == polls + 20  # type: ignore[union-attr]

    play(act)


def test_what_is_taken_in_is_watched_and_taken_in_again_it_is_known() -> None:
    async def act(scene: Scene) -> None:
        entry = Entry(request_id="r1", account="acme", api="lead_update", submitted=scene.loop.time())
        for _ in range(2):
            await scene.traffic.take_in("gateway", entry)
            assert len(scene.engine.pollers["acme"].watch.tracker) == 1

    play(act)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_request_id_that_ended_before_its_submission_is_not_watched_again(restarted: bool) -> None:
    entry = Entry(request_id="r1", account="acme", api="lead_update", submitted=EPOCH)

    async def end(scene: Scene) -> None:
        assert await scene.traffic.take_in("gateway", entry)
        assert await scene.traffic.take_in("gateway", entry)
        await scene.asked()
        scene.traffic.heard("r1", "lead_update", SUCCESS, sent=scene.loop.time())
        await asyncio.sleep(1.0)
        # The same submission, handed in late.
        assert await scene.traffic.take_in("gateway", entry)
        if not restarted:
            await again(scene)

    async def again(scene: Scene) -> None:
        assert not await scene.traffic.take_in("gateway", entry._replace(submitted=scene.loop.time()))

    durable = play(end)
    if restarted:
        play(again, durable=durable, start=EPOCH + 3600.0)


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_whether_it_had_ended_before_is_told_by_one_clock(ahead: float, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(scene: Scene) -> None:
        entry = Entry(request_id="r1", account="acme", api="lead_update", submitted=scene.loop.time())
        assert await scene.traffic.take_in("gateway", entry)
        await scene.asked()
        scene.traffic.heard("r1", "lead_update", SUCCESS, sent=scene.loop.time())
        await asyncio.sleep(1.0)
        monkeypatch.setattr(scene.loop, "ahead", lambda: ahead)
        assert await scene.traffic.take_in("gateway", entry._replace(submitted=EPOCH + ahead))
        assert not await scene.traffic.take_in("gateway", entry._replace(submitted=scene.loop.time() + ahead))

    play(act)


def test_a_request_is_watched_whose_answer_is_awaited_no_more() -> None:
    async def act(scene: Scene) -> None:
        entry = Entry(request_id="r1", account="acme", api="lead_update", submitted=scene.loop.time())
        taking = asyncio.create_task(scene.traffic.take_in("gateway", entry))
        await asyncio.sleep(0)
        taking.cancel()
        await scene.asked()

    play(act)


def test_a_store_that_fails_is_told_and_leaves_its_room_to_others() -> None:
    class Full(MemoryStore):
        async def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()) -> list[int | None]:
            raise StoreUnavailable("the disk is full")

    async def act(scene: Scene) -> None:
        for _ in range(3):
            entry = Entry(request_id="r1", account="acme", api="lead_update", submitted=scene.loop.time())
            with pytest.raises(StoreUnavailable, match="the disk is full"):
                await scene.traffic.take_in("gateway", entry)

    settings = replace(SETTINGS, storage=replace(SETTINGS.storage, max_pending=1))
    play(act, settings=settings, store=Full())


def test_what_is_heard_of_another_api_or_an_unknown_request_is_nothing() -> None:
    async def act(scene: Scene) -> None:
        await scene.take_in()
        scene.traffic.heard("r1", "lead_capture", SUCCESS, sent=scene.loop.time())
        scene.traffic.heard("r2", "lead_update", SUCCESS, sent=scene.loop.time())
        await asyncio.sleep(1.0)
        assert len(scene.engine.pollers["acme"].watch.tracker) == 1

    play(act)


def test_a_429_to_the_application_pauses_polling_too_and_other_errors_do_not() -> None:
    async def act(scene: Scene) -> None:
        await scene.take_in()
        await scene.asked()
        breaker = scene.engine.pollers["acme"].watch.breaker
        scene.traffic.failed(ServerError(), sent=scene.loop.time())
        assert breaker.mode(scene.loop.time()) is Mode.CLOSED
        scene.traffic.failed(RateLimited(retry_after=30.0), sent=scene.loop.time())
        assert breaker.opens_at() == scene.loop.time() + 30.0
        assert scene.meters.call_errors["acme", "gateway", "rate_limited"] == 1

    play(act)


def test_the_end_of_a_request_is_known_after_a_restart_for_as_long_as_it_is_kept() -> None:
    async def end(scene: Scene) -> None:
        await scene.take_in()
        await scene.asked()
        scene.traffic.heard("r1", "lead_update", SUCCESS, sent=scene.loop.time())
        await asyncio.sleep(1.0)

    async def ask(scene: Scene) -> None:
        record = await scene.traffic.last_answer("r1")
        assert record is not None
        assert record.state is State.FINISHED
        await asyncio.sleep(600.0)
        assert await scene.traffic.last_answer("r1") is None

    durable = play(end)
    play(ask, durable=durable, start=EPOCH + 60.0)


def test_an_abandoned_or_unanswered_request_has_no_answer() -> None:
    async def act(scene: Scene) -> None:
        for _ in range(10):
            scene.traffic.begin()
        await scene.take_in()
        assert await scene.traffic.last_answer("r1") is None
        for _ in range(10):
            scene.traffic.end(lost=False)
        await scene.asked()
        await scene.engine.remove("r1")
        assert await scene.traffic.last_answer("r1") is None

    play(act)


def test_requests_of_another_account_are_not_told_of() -> None:
    other = replace(ACCOUNT, name="other")
    settings = replace(SETTINGS, accounts=(ACCOUNT, other))

    async def act(scene: Scene) -> None:
        await scene.take_in()
        await scene.asked()
        assert await scene.engine.traffic("other").last_answer("r1") is None

    play(act, settings=settings)


def test_shaped_calls_take_their_turn_when_the_window_has_room_and_none_waits_too_long() -> None:
    async def act(scene: Scene) -> None:
        traffic, times = scene.traffic, []

        async def call(number: int, max_wait: float) -> None:
            began = await traffic.begin_in_turn(max_wait)
            times.append((number, round(began - start, 1)))
            traffic.end(lost=False)

        await asyncio.sleep(10.0)
        start = scene.loop.time()
        await asyncio.gather(*(call(number, 60.0) for number in range(25)))
        assert times == [(number, 5.0 * (number // 10)) for number in range(25)]
        times.clear()
        start = scene.loop.time()
        await asyncio.gather(*(call(number, 1.0) for number in range(10)))
        assert [when for _, when in times] == [0.0] * 5 + [1.0] * 5

    play(act)


@pytest.mark.parametrize("shape", ["polls", "all"])
def test_a_reload_that_adds_and_removes_the_gateway_keeps_the_count(shape: str) -> None:
    async def act(scene: Scene) -> None:
        watch = scene.engine.pollers["acme"].watch
        traffic = scene.traffic
        scene.engine.apply(replace(SETTINGS, sources=()))
        assert [window.limit.name for window in watch.budget.windows] == ["burst", "daily"]
        traffic.begin()
        gateway = GatewaySource(account="acme", listen="127.0.0.1:0", name="gateway", shape=shape)
        scene.engine.apply(replace(SETTINGS, sources=(gateway,)))
        whole = [window for window in watch.budget.windows if window.limit.whole]
        assert [window.under_way for window in whole] == [1, 1]
        traffic.end(lost=False)
        assert [window.under_way for window in whole] == [0, 0]

    play(act)


DAILY = replace(ACCOUNT, rate_limit=RateLimit(calls=10, period=5.0, daily=20, share=Fraction(1)))


def test_what_the_application_spent_of_the_day_counts_without_its_gateway_too_and_after_a_restart() -> None:
    limited = replace(SETTINGS, accounts=(DAILY,))
    without = replace(limited, sources=())

    async def spend(scene: Scene) -> None:
        for _ in range(20):
            scene.traffic.begin()
            scene.traffic.end(lost=False)
        await asyncio.sleep(10.0)
        scene.engine.apply(without)
        await scene.take_in()
        await asyncio.sleep(3600.0)
        assert scene.polls == 0

    async def wait(scene: Scene) -> None:
        await asyncio.sleep(20 * 3600.0)
        assert scene.polls == 0
        await asyncio.sleep(4 * 3600.0)
        assert scene.polls > 0

    durable = play(spend, settings=limited)
    play(wait, durable=durable, settings=without, start=EPOCH + 3700.0)
