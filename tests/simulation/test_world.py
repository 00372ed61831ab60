"""The whole engine through hours of trouble and crashes, against the remote's own truth.

`python -m tests.simulation.replay SEED` runs one seed again and tells its story.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from exporter.config.settings import RateLimit
from exporter.core.budget import Limit
from exporter.core.change import Change
from exporter.core.request import Record
from exporter.engine import build
from exporter.engine.engine import Engine
from exporter.engine.poller import Poller
from tests.simulation.world import Violation, World

HOURS = 0.3


@pytest.mark.parametrize("seed", range(100))
def test_every_promise_holds_through_crashes_and_trouble(seed: int) -> None:
    world = World(seed, hours=HOURS)
    world.run()
    assert len(world.accepted) > 100


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = World(7, hours=HOURS), World(7, hours=HOURS)
    first.run()
    second.run()
    assert first.events == second.events
    assert list(first.remote.log) == list(second.remote.log)
    assert first.durable == second.durable


def caught(seeds: Iterable[int]) -> str:
    """What the first seed says that finds something."""
    for seed in seeds:
        try:
            World(seed, hours=HOURS).run()
        except Violation as violation:
            return str(violation)
    return "nothing was found"


def test_a_window_one_call_too_wide_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = build.limits

    def too_wide(rate_limit: RateLimit, *, shared: bool) -> list[Limit]:
        return [replace(one, calls=one.calls + 1) for one in honest(rate_limit, shared=shared)]

    monkeypatch.setattr(build, "limits", too_wide)
    assert re.search(r"(13 calls of fast in a window of 12|3 calls of slow in a window of 2)", caught(range(5)))


def test_a_finish_counted_before_its_commit_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(self: Poller, change: Change) -> None:
        self._durable(change)
        self._journal.enter(change, lambda _: None)

    monkeypatch.setattr(Poller, "_enter", hasty)
    assert "fell from" in caught(range(20))


def test_a_request_forgotten_on_restart_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Engine._restore_pending

    async def forgetful(self: Engine, pending: Iterable[Record]) -> None:
        await honest(self, list(pending)[1:])

    monkeypatch.setattr(Engine, "_restore_pending", forgetful)
    assert "discovered" in caught(range(5))
