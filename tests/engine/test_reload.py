"""What a changed configuration leaves of an account in the gauges."""

import asyncio
from dataclasses import replace

from exporter.config.settings import Api, Settings
from exporter.engine.engine import Engine
from exporter.leadsquared.endpoints import BY_NAME
from exporter.metrics.snapshot import AccountView
from tests.engine.test_removal import SETTINGS, play
from tests.simulation.power import PoweredStore

(ACME,) = SETTINGS.accounts
APIS = {
    name: Api(name=name, status_path=BY_NAME[name].status_path, metrics_path=BY_NAME[name].metrics_path)
    for name in ("lead_update", "lead_capture")
}


def configured(*names: str) -> Settings:
    return replace(SETTINGS, accounts=(replace(ACME, apis={name: APIS[name] for name in names}),))


NO_ACME = replace(SETTINGS, accounts=())


def shown(engine: Engine) -> AccountView:
    (view,) = engine.views()
    return view


async def heard(engine: Engine) -> None:
    """Wait until the vendor has told of its queue."""
    while shown(engine).apis[0].queue is None:  # noqa: ASYNC110  (virtual time)
        await asyncio.sleep(0.1)


def test_of_a_removed_account_only_its_pending_requests_are_shown() -> None:
    async def scene(engine: Engine, _: PoweredStore) -> None:
        await heard(engine)
        engine.apply(NO_ACME)
        view = shown(engine)
        (api,) = view.apis
        assert (sum(api.pending.values()), api.queue, view.up, view.windows) == (1, None, None, ())
        assert (view.breaker, api.staleness) == ("removed", None)

    play(scene, configured("lead_update", "lead_capture"))


def test_an_account_that_comes_back_shows_its_queue_when_that_was_heard_again() -> None:
    async def scene(engine: Engine, _: PoweredStore) -> None:
        await heard(engine)
        engine.apply(NO_ACME)
        await asyncio.sleep(3600.0)
        engine.apply(configured("lead_update"))
        assert [api.queue for api in shown(engine).apis] == [None]
        await heard(engine)

    play(scene, configured("lead_update"))


def test_an_api_that_a_reload_took_away_is_shown_only_while_it_has_pending_requests() -> None:
    async def scene(engine: Engine, _: PoweredStore) -> None:
        engine.apply(configured("lead_capture"))
        assert [(api.api, api.staleness) for api in shown(engine).apis] == [
            ("lead_capture", 0.0),
            ("lead_update", None),
        ]
        assert await engine.remove("r1")
        assert [api.api for api in shown(engine).apis] == ["lead_capture"]

    play(scene, configured("lead_update", "lead_capture"))


def test_a_call_that_was_decided_on_before_its_api_was_taken_away_is_made() -> None:
    async def scene(engine: Engine, _: PoweredStore) -> None:
        await heard(engine)
        poller = engine.pollers["acme"]
        # Steps of the engine's own would begin the call before the reload.
        poller.retired = True
        await asyncio.sleep(3600.0)
        poller.retired = False
        assert poller.step()
        engine.apply(configured("lead_capture"))
        await asyncio.sleep(10.0)
        assert poller.broken is None

    play(scene, configured("lead_update"))
