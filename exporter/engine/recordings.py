"""RequestIDs that arrive one at a time, each with somebody who waits for its commit and for nothing else."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from exporter.core.request import Submission
from exporter.engine.claims import Claim, Claims
from exporter.errors import StoreError
from exporter.store.store import Store

# None: it is committed.
Told = Callable[[StoreError | None], None]
# The submissions of a commit, and their numbers; none where it failed.
Committed = Callable[[Sequence[Submission], Sequence[int | None]], None]


@dataclass(slots=True)
class _Batch:
    """What one commit takes in, who waits for it, and the RequestIDs that nobody else takes in meanwhile."""

    claim: Claim
    names: set[str]
    submissions: list[Submission] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def add(self, submission: Submission, told: Told) -> None:
        self.names.add(submission.request_id)
        self.submissions.append(submission)
        self.told.append(told)


class Recordings:
    """One commit at a time: whatever comes while it runs is in the next one together, at a fraction of the price of its own.

    `committed` hears of each batch once those who waited for it have gone on.
    """

    def __init__(self, *, store: Store, claims: Claims, committed: Committed) -> None:
        self._store = store
        self._claims = claims
        self._committed = committed
        self._next: _Batch | None = None
        self._committing = False

    def enter(self, submission: Submission, told: Told) -> None:
        """Nobody else takes in this RequestID now. The commit survives the death of this process, and a moment later that
        of the machine; `told` hears of it, or why it failed."""
        if self._next is None:
            self._next = self._batch()
        self._next.add(submission, told)
        if not self._committing:
            self._commit_next()

    def _batch(self) -> _Batch:
        names: set[str] = set()
        return _Batch(self._claims.hold(names), names)

    def _commit_next(self) -> None:
        batch, self._next = self._next, None
        self._committing = batch is not None
        if batch is not None:
            self._store.record(batch.submissions, partial(self._ended, batch))

    def _ended(self, batch: _Batch, outcome: Sequence[int | None] | StoreError) -> None:
        try:
            self._settle(batch, outcome)
        finally:
            # Not at once: what has arrived meanwhile is read first, and shares the next commit.
            asyncio.get_running_loop().call_soon(self._commit_next)

    def _settle(self, batch: _Batch, outcome: Sequence[int | None] | StoreError) -> None:
        if type(outcome) is StoreError and len(batch.submissions) > 1:
            self._commit_apart(batch)
            return
        error: StoreError | None = None
        if isinstance(outcome, StoreError):
            error = outcome
            self._conclude(batch, ())
        else:
            # Answers are on their way before anybody looks at what else there is to do.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._conclude, batch, outcome)
        for told in batch.told:
            told(error)

    def _commit_apart(self, batch: _Batch) -> None:
        """One of them does not fit into the database: the others must not be refused with it."""
        for submission, told in zip(batch.submissions, batch.told, strict=True):
            alone = self._batch()
            alone.add(submission, told)
            self._store.record(alone.submissions, partial(self._settle, alone))
        self._claims.release(batch.claim)

    def _conclude(self, batch: _Batch, sequences: Sequence[int | None]) -> None:
        try:
            self._committed(batch.submissions, sequences)
        finally:
            self._claims.release(batch.claim)
