"""The memory store and the SQLite store can't be told apart: random calls, restarts between them."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from exporter.core.cursor import Cursor
from exporter.core.request import Record, State, Submission
from exporter.store.memory import Durable, MemoryStore
from exporter.store.sqlite import SqliteStore
from exporter.store.store import Contents, Query, SpentCalls, Store
from tests.store.build import BEGINNING, finished, queued, submission
from tests.store.conftest import ignore

Answer = TypeVar("Answer")
NAMES = st.text("abAB-._", min_size=1, max_size=3)
REFERENCES = st.text("ab:/#", min_size=1, max_size=3)
CURSORS = st.builds(
    Cursor,
    source=st.sampled_from(("log", "sql")),
    part=st.sampled_from(("one", "two")),
    position=st.none() | st.text("0123456789", max_size=3),
)
TIMES = st.floats(0.0, 100.0).map(lambda seconds: BEGINNING + seconds)


class TwoStores(RuleBasedStateMachine):
    """Sequences may differ (a store may leave gaps), their order may not; so they are compared by rank."""

    taken = Bundle("taken")

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.durable = Durable()
        self.sequences: list[dict[str, int]] = [{}, {}]
        self.pending: set[str] = set()
        self._open()

    @rule(
        target=taken,
        names=st.lists(NAMES, max_size=5),
        submitted=st.none() | TIMES,
        seen=st.floats(0.0, 2000.0),
        reference=st.none() | REFERENCES,
        cursors=st.none() | st.lists(CURSORS, max_size=3),
    )
    def admit(
        self,
        names: list[str],
        submitted: float | None,
        seen: float,
        reference: str | None,
        cursors: list[Cursor] | None,
    ) -> Any:
        made = [
            submission(name, submitted=submitted, reference=reference)._replace(first_seen=BEGINNING + seen)
            for name in names
        ]
        answers = [self._run(self._admit(store, made, cursors)) for store in self.stores]
        assert [one is None for one in answers[0]] == [one is None for one in answers[1]]
        for known, sequences in zip(self.sequences, answers, strict=True):
            known |= {name: number for name, number in zip(names, sequences, strict=True) if number is not None}
        taken = [name for name, number in zip(names, answers[0], strict=True) if number is not None]
        self.pending.update(taken)
        return multiple(*taken)

    @rule(name=taken, time=TIMES, value=st.floats(0.0, 9.0), end=st.booleans())
    def commit(self, name: str, time: float, value: float, end: bool) -> None:
        if name not in self.pending:
            return
        for store, sequences in zip(self.stores, self.sequences, strict=True):
            found = self._run(store.find(name, sequences[name]))
            assert found is not None
            record = found.record
            self._run(store.commit([finished(record, time=time, value=value) if end else queued(record, time=time)]))
        if end:
            self.pending.discard(name)

    @rule(key=st.integers(0, 2), calls=st.integers(0, 9), time=st.none() | TIMES, anew=st.booleans())
    def spend(self, key: int, calls: int, time: float | None, anew: bool) -> None:
        one = SpentCalls(account="acme", window="burst", key=key, calls=calls, time=time)
        for store in self.stores:
            self._run(store.commit([], [one], anew=anew))

    @rule(before=TIMES | st.floats(0.0, 3000.0).map(lambda seconds: BEGINNING + seconds))
    def prune(self, before: float) -> None:
        one, other = (self._run(store.prune(finished_before=before, spent_before=before)) for store in self.stores)
        assert one == other

    @rule(name=NAMES, numbered=st.booleans())
    def find(self, name: str, numbered: bool) -> None:
        one, other = (
            self._run(store.find(name, sequences.get(name) if numbered else None))
            for store, sequences in zip(self.stores, self.sequences, strict=True)
        )
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.transitions == other.transitions
            assert one.record._replace(sequence=0) == other.record._replace(sequence=0)

    @rule(
        state=st.none() | st.sampled_from(State),
        prefix=st.none() | NAMES | REFERENCES,
        stuck_before=st.none() | TIMES,
        before=st.none() | taken,
        limit=st.integers(1, 5),
    )
    def page(
        self, state: State | None, prefix: str | None, stuck_before: float | None, before: str | None, limit: int
    ) -> None:
        query = Query(state=state, prefix=prefix, stuck_before=stuck_before, limit=limit)
        shown = []
        for store, sequences in zip(self.stores, self.sequences, strict=True):
            below = None if before is None else sequences[before]
            shown.append(unnumbered(self._run(store.page(replace(query, before=below)))))
        assert shown[0] == shown[1]

    @rule()
    def restart(self) -> None:
        self._close()
        self._open()

    def teardown(self) -> None:
        self._close()
        self.folder.cleanup()
        self.loop.close()

    def _open(self) -> None:
        path = Path(self.folder.name) / "state.db"
        self.stores: tuple[Store, Store] = (MemoryStore(self.durable), SqliteStore(str(path), on_commit=ignore))
        one, other = (comparable(self._run(store.load())) for store in self.stores)
        assert one == other

    def _close(self) -> None:
        spent = [SpentCalls(account="acme", window="daily", key=1, calls=5, time=BEGINNING)]
        for store in self.stores:
            self._run(store.close(spent))

    async def _admit(self, store: Store, made: list[Submission], cursors: list[Cursor] | None) -> list[int | None]:
        return await store.admit(made, cursors or [])

    def _run(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        return self.loop.run_until_complete(call)


def unnumbered(records: list[Record]) -> list[Record]:
    return [record._replace(sequence=0) for record in records]


def comparable(contents: Contents) -> tuple[object, ...]:
    spent = sorted(contents.spent, key=lambda one: (one.account, one.window, one.key))
    counts = (contents.counters, contents.buckets, contents.totals)
    return unnumbered(list(contents.pending)), *counts, spent, contents.cursors, contents.stopped_cleanly


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
