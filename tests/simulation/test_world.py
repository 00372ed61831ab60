"""The whole engine through hours of trouble and crashes, against the remote's own truth.

`python -m tests.simulation.replay SEED` runs one seed again and tells its story.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pytest

from exporter.config.settings import RateLimit
from exporter.core.budget import Limit
from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.request import Record, State, Submission
from exporter.engine import build, intake
from exporter.engine.engine import Engine
from exporter.engine.intake import Gate
from exporter.engine.poller import Poller
from exporter.engine.wall import Wall
from exporter.sources.source import Accepted, Entry
from exporter.store.memory import MemoryStore
from tests.simulation.world import Violation, World

HOURS = 0.3


@pytest.mark.parametrize("seed", range(100))
def test_every_promise_holds_through_crashes_and_trouble(seed: int) -> None:
    world = World(seed, hours=HOURS)
    world.run()
    assert len(world.accepted) > 100


@pytest.mark.parametrize("seed", range(25))
def test_every_promise_holds_while_the_clock_is_set(seed: int) -> None:
    world = World(seed, hours=HOURS, steps=True)
    world.run()
    assert len(world.accepted) > 100
    assert len(world.machine.offsets) > 1


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = World(7, hours=HOURS), World(7, hours=HOURS)
    first.run()
    second.run()
    assert first.events == second.events
    assert list(first.remote.log) == list(second.remote.log)
    assert first.durable == second.durable


def caught(seeds: Iterable[int], *, steps: bool = False) -> str:
    """What the first seed says that finds something."""
    for seed in seeds:
        try:
            World(seed, hours=HOURS, steps=steps).run()
        except Violation as violation:
            return str(violation)
    return "nothing was found"


def take_in_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a RequestID is new is decided a turn of the loop before it is claimed."""

    async def hasty(self: Gate, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor]) -> Accepted:
        fresh = self._fresh(entries)
        await asyncio.sleep(0)
        if others := self._claims.others(fresh.keys()):
            await asyncio.wait(others)
            fresh = self._fresh(fresh.values())
        taken = await self._take_in_fresh(source, fresh, cursors) if fresh or cursors else 0
        return Accepted(taken, len(entries) - taken)

    monkeypatch.setattr(Gate, "_take_in", hasty)


def trust_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes what it has already."""
    honest = MemoryStore._admit

    def trusting(self: MemoryStore, one: Submission) -> int | None:
        record = self.durable.records.get(one.request_id)
        if record is not None and record.state is State.PENDING:
            del self.durable.records[one.request_id]
        return honest(self, one)

    monkeypatch.setattr(MemoryStore, "_admit", trusting)


def test_a_request_taken_in_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    take_in_twice(monkeypatch)
    trust_the_caller(monkeypatch)
    assert "discovered" in caught(range(10))


@pytest.mark.parametrize("defect", [take_in_twice, trust_the_caller])
def test_each_of_two_guards_alone_keeps_a_request_from_being_taken_in_twice(
    monkeypatch: pytest.MonkeyPatch, defect: Callable[[pytest.MonkeyPatch], None]
) -> None:
    defect(monkeypatch)
    assert caught(range(10)) == "nothing was found"


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


def write_steady_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wall, "dated", lambda _, changes: list(changes))


def take_stored_times_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wall, "restored", lambda _, record: record)


def take_given_times_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "submission_on", lambda one, _: one)


# Few worlds set the clock between a transition and its end, and restart then.
@pytest.mark.parametrize(
    ("defect", "seeds"),
    [
        (write_steady_times, range(70, 80)),
        (take_stored_times_as_they_are, range(10)),
        (take_given_times_as_they_are, range(10)),
    ],
)
def test_a_time_of_one_clock_taken_for_one_of_the_other_is_caught(
    monkeypatch: pytest.MonkeyPatch, defect: Callable[[pytest.MonkeyPatch], None], seeds: range
) -> None:
    defect(monkeypatch)
    assert re.search("the oldest is|not in", caught(seeds, steps=True))
