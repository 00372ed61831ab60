"""What the journal writes, and when."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence

from exporter.core.change import Change
from exporter.core.request import Record
from exporter.engine.journal import NOTES_AT_ONCE, NOTES_MOST, Journal, Stated
from exporter.simulator.virtual_time import VirtualLoop
from exporter.store.memory import MemoryStore
from exporter.store.store import SpentCalls


class Written(MemoryStore):
    """Remembers its commits."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[list[Change]] = []

    async def commit(self, changes: Sequence[Change], spent: Sequence[SpentCalls] = (), *, anew: bool = False) -> None:
        self.commits.append(list(changes))
        await super().commit(changes, spent, anew=anew)


class Frugal:
    """Budgets that need nothing stored."""

    def state(self) -> Stated:
        return Stated((), anew=False, stored=lambda: None)


class Undated:
    """One clock that is never set."""

    def dated(self, changes: Iterable[Change]) -> Sequence[Change]:
        return list(changes)


def a_change(request_id: str, polls: int = 1) -> Change:
    return Change(
        record=Record(
            request_id=request_id,
            account="acme",
            api="lead_update",
            source="push",
            submitted=None,
            first_seen=0.0,
            sequence=1,
            polls=polls,
        )
    )


def running(scene: Callable[[Journal, Written], Coroutine[object, object, None]]) -> None:
    """The scene in virtual time, with the journal's loop beside it."""

    async def play() -> None:
        store = Written()
        journal = Journal(store, Frugal(), dating=Undated(), on_trouble=lambda _: None)
        writing = asyncio.create_task(journal.run())
        await scene(journal, store)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(play())


def test_a_noted_request_is_written_once_as_it_stands_at_the_writing() -> None:
    async def scene(journal: Journal, store: Written) -> None:
        standing = {"r1": a_change("r1", polls=1)}
        journal.note("r1", standing.get)
        standing["r1"] = a_change("r1", polls=3)
        journal.note("r1", standing.get)
        journal.enter(a_change("r2"), lambda _: None)
        await asyncio.sleep(5.0)
        assert [(one.record.request_id, one.record.polls) for commit in store.commits for one in commit] == [
            ("r1", 3),
            ("r2", 1),
        ]

    running(scene)


def test_a_noted_request_that_has_ended_meanwhile_is_not_written() -> None:
    async def scene(journal: Journal, store: Written) -> None:
        journal.note("r1", lambda _: None)
        await asyncio.sleep(5.0)
        assert store.commits == []
        assert len(journal) == 0

    running(scene)


def test_notes_are_written_a_share_a_second_however_often_something_urgent_is() -> None:
    async def scene(journal: Journal, store: Written) -> None:
        for number in range(3 * NOTES_AT_ONCE):
            journal.note(f"r{number}", a_change)
        for _ in range(15):
            journal.enter(a_change("urgent"), lambda _: None)
            await asyncio.sleep(0.1)
        shares = [len(commit) - 1 for commit in store.commits if len(commit) > 1]
        assert shares == [NOTES_AT_ONCE, NOTES_AT_ONCE]

    running(scene)


def test_what_is_noted_is_bounded_and_all_of_it_is_written_at_a_stop() -> None:
    async def scene(journal: Journal, store: Written) -> None:
        for number in range(NOTES_MOST + 5):
            journal.note(f"r{number}", a_change)
        await journal.drain()
        assert [len(commit) for commit in store.commits] == [NOTES_MOST]

    running(scene)
