"""Follows log files and hands in what their lines tell."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TypeVar

from exporter.config import settings
from exporter.core.cursor import Cursor
from exporter.errors import InvalidEntry, SourceUnreadable, UnknownAccount
from exporter.log import get_logger
from exporter.sources.environment import Environment
from exporter.sources.groups import Terms
from exporter.sources.log.finding import unreadable
from exporter.sources.log.matching import Findings, Matcher
from exporter.sources.log.opened import Lines
from exporter.sources.log.standard_input import NAME, InputReader, StandardInput
from exporter.sources.log.tail import Tail
from exporter.sources.source import Entry

INTERVAL = 0.5
# The more in one transaction, the less each one costs.
MOST_ENTRIES = 10_000
MOST_BYTES = 16 * 1024 * 1024
# How far was read without finding anything is written that often only: it is no loss to read it again.
KEEP_SECONDS = 10.0
_INPUT = "standard input"

Result = TypeVar("Result")

log = get_logger(__name__)


@dataclass(slots=True)
class _Batch:
    """What is handed in together. `size` is what was read for it, `positions` and `input_position` are how far."""

    findings: Findings = field(default_factory=Findings)
    size: int = 0
    positions: Mapping[str, str | None] = field(default_factory=dict)
    input_position: int = 0

    @property
    def full(self) -> bool:
        return len(self.findings.entries) >= MOST_ENTRIES or self.size >= MOST_BYTES


class LogSource:
    """Looks for files and reads them in threads, in two loops: files are found, and kept open, while the intake is full.
    `positions` are what the store kept of this source, `moves` what has to be moved there first, `others` what other log sources
    name now.

    The next lines are read while the last ones are being stored.
    """

    def __init__(
        self,
        source: settings.LogSource,
        environment: Environment,
        *,
        positions: Mapping[str, str],
        standard_input: StandardInput,
        moves: Sequence[Cursor] = (),
        others: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.name = source.name
        self._source = source
        self._environment = environment
        self._matcher = Matcher(source.pattern)
        paths = [path for path in source.paths if path != NAME]
        from_end = source.read_from == "end"
        self._tail = Tail(paths, positions, from_end=from_end, monotonic=environment.monotonic)
        self._others = others
        self._input = InputReader(standard_input) if NAME in source.paths else None
        self._standard_input = standard_input
        self._delivery = environment.delivery(source)
        self._lock = Lock()
        self._problems: dict[str, str] = {}
        self._input_problems: dict[str, SourceUnreadable] = {}
        self._moves = moves
        self._unkept: dict[str, str | None] = {}
        self._kept_at = -KEEP_SECONDS

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self.look))
            tasks.create_task(self._repeat(self.drain))

    async def look(self) -> None:
        """Find the files that there are now."""
        found = await self._environment.in_thread(self._locked, partial(self._tail.look, self._others()))
        self._report({**found, **self._input_problems})

    async def drain(self) -> None:
        """Hand in all that can be read now."""
        batch = await self._next()
        while batch.size:
            coming = asyncio.ensure_future(self._next())
            try:
                await self._hand_in(batch)
            except BaseException:
                coming.cancel()
                raise
            batch = await coming
        self._unkept |= batch.positions
        if (self._unkept or self._moves) and self._environment.monotonic() - self._kept_at >= KEEP_SECONDS:
            await self._deliver([])
        if not self._problems and not self._input_problems:
            self._environment.health.up(self.name)

    async def _repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await work()
            await self._environment.sleep(INTERVAL)

    async def _next(self) -> _Batch:
        return await self._environment.in_thread(
            self._locked, partial(self._collect, self._environment.terms(self._source))
        )

    def _locked(self, work: Callable[[], Result]) -> Result:
        with self._lock:
            return work()

    def _collect(self, terms: Terms) -> _Batch:
        """In a thread."""
        batch = _Batch()
        for name, lines in self._lines():
            self._matcher.find(name, lines, terms, batch.findings)
            batch.size += 1 + len(lines.data)
            if batch.full:
                break
        batch.positions = self._tail.positions()
        batch.input_position = self._input.position if self._input else 0
        return batch

    def _lines(self) -> Iterator[tuple[str, Lines]]:
        if self._input is not None:
            for lines in self._input_lines(self._input):
                yield _INPUT, lines
        for file, lines in self._tail.read():
            yield file.path, lines

    def _input_lines(self, reader: InputReader) -> Iterator[Lines]:
        """What keeps it from being read, a descriptor that is closed or not for reading, is told at the next look."""
        try:
            while (lines := reader.read()) is not None:
                yield lines
            self._input_problems = {}
        except OSError as error:
            self._input_problems = {NAME: unreadable(_INPUT, error)}

    async def _hand_in(self, batch: _Batch) -> None:
        findings = batch.findings
        self._unkept |= batch.positions
        if findings.refused:
            self._refuse(findings.refusals, findings.refused)
        self._environment.tell_left_out(self._source, findings.left_out)
        if findings.entries:
            await self._deliver(findings.entries)
        self._standard_input.forget(batch.input_position)

    async def _deliver(self, entries: Sequence[Entry]) -> None:
        owner = self._source.owner
        unkept = (Cursor(source=owner, part=part, position=one) for part, one in self._unkept.items())
        cursors = [*self._moves, *unkept]
        while True:
            try:
                async for _ in self._delivery.hand_in(entries, cursors, most=MOST_ENTRIES):
                    pass
            except UnknownAccount as error:
                entries = self._still_configured(entries)
                self._refuse(error.details, 1)
            else:
                break
        self._unkept.clear()
        self._moves = ()
        self._kept_at = self._environment.monotonic()

    def _still_configured(self, entries: Sequence[Entry]) -> list[Entry]:
        """A reload may have taken an account away since the lines were read."""
        apis = self._environment.apis()
        return [entry for entry in entries if entry.api in apis.get(entry.account, ())]

    def _refuse(self, refusals: Sequence[str], count: int) -> None:
        error = InvalidEntry(f"{count} of the lines do not fit", list(refusals))
        log.warning("entries are passed over", source=self.name, count=count, problem="; ".join(refusals))
        self._environment.health.refused(self.name, error, count)

    def _report(self, found: Mapping[str, SourceUnreadable]) -> None:
        """Once for each trouble, not at every look."""
        for name, error in found.items():
            if self._problems.get(name) != str(error):
                log.warning("log can't be followed", source=self.name, problem=str(error))
                self._environment.health.down(self.name, error)
        self._problems = {name: str(error) for name, error in found.items()}
