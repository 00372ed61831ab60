"""A backend in memory for the tests of the web, and a real server around it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.config.settings import PushSource
from exporter.core.cursor import Cursor
from exporter.core.request import Cause, Progress, Record, State, Status, Transition
from exporter.errors import ConfigurationError, ExporterError
from exporter.metrics.snapshot import AccountView, ApiView, WindowView
from exporter.sources.source import Accepted, Entry
from exporter.store.store import Found, Query
from exporter.web.backend import Rejected, Removal, SourceView, UnknownView
from tests.sources.twins import Health

NOW = 1_770_000_000.0  # 2026-02-02T02:40:00Z
STUCK_AFTER = 1800.0
IN_QUEUE = Progress(Status.IN_QUEUE, "queued", "none")
API = ApiView(
    api="lead_update", pending={IN_QUEUE: 3}, stuck={"none": 1}, oldest_age=3725.0, staleness=12.5, queue=None
)
ACCOUNT = AccountView(
    account="acme",
    apis=(API,),
    windows=(
        WindowView(name="burst", allowed=12, seconds=5.0, used=7),
        WindowView(name="daily", allowed=50_000, seconds=86400.0, used=1234),
    ),
    up=True,
    last_success=NOW - 3.0,
    breaker="closed",
    pace=1.0,
)


@dataclass
class MemoryBackend:
    """Keeps requests in memory. Whatever is in `trouble` is raised by everything that needs the store or the intake."""

    records: dict[str, Record] = field(default_factory=dict)
    transitions: dict[str, tuple[Transition, ...]] = field(default_factory=dict)
    accounts: list[AccountView] = field(default_factory=lambda: [ACCOUNT])
    ended: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    ways: list[SourceView] = field(default_factory=list)
    configured: dict[str, Sequence[str]] = field(default_factory=lambda: {"acme": ["lead_update"]})
    unknowns: dict[str, UnknownView] = field(default_factory=dict)
    pushes: list[PushSource] = field(default_factory=list)
    trouble: Exception | None = None
    sick: str | None = None
    busy: str | None = None
    refused: Rejected | None = None
    problems: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    health: Health = field(default_factory=Health)
    stuck_after: float = STUCK_AFTER
    references: bool = False

    @property
    def intake(self) -> "MemoryBackend":
        return self

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted:
        self._check()
        new = 0
        for entry in entries:
            if entry.request_id not in self.records:
                new += 1
                self.add(
                    entry.request_id,
                    account=entry.account,
                    api=entry.api,
                    source=source,
                    submitted=entry.submitted,
                    reference=entry.reference,
                )
        return Accepted(new, len(entries) - new)

    def add(
        self,
        request_id: str,
        *,
        account: str = "acme",
        api: str = "lead_update",
        source: str = "push",
        submitted: float | None = None,
        reference: str | None = None,
        change: Callable[[Record], Record] = lambda record: record,
    ) -> Record:
        record = Record(
            request_id=request_id,
            account=account,
            api=api,
            source=source,
            submitted=submitted,
            first_seen=NOW,
            sequence=len(self.records) + 1,
            reference=reference,
        )
        self.records[request_id] = change(record)
        return self.records[request_id]

    def now(self) -> float:
        return NOW

    def views(self) -> Sequence[AccountView]:
        return self.accounts

    def finished(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        return self.ended

    def sources(self) -> Sequence[SourceView]:
        return self.ways

    def unknown(self, account: str) -> UnknownView:
        return self.unknowns.get(account, UnknownView())

    def apis(self) -> Mapping[str, Collection[str]]:
        return self.configured

    def push_sources(self) -> Sequence[PushSource]:
        return self.pushes

    def unhealthy(self) -> str | None:
        return self.sick

    def unready(self) -> str | None:
        return self.busy

    def rejected(self) -> Rejected | None:
        return self.refused

    async def find(self, request_id: str) -> Found | None:
        self._check()
        record = self.records.get(request_id)
        return None if record is None else Found(record, self.transitions.get(request_id, ()))

    async def page(self, query: Query) -> list[Record]:
        self._check()
        newest = sorted(self.records.values(), key=lambda record: -record.sequence)
        return [record for record in newest if fits(record, query)][: query.limit]

    async def remove(self, request_id: str) -> Removal:
        self._check()
        record = self.records.get(request_id)
        if record is None:
            return Removal.UNKNOWN
        if record.state is not State.PENDING:
            return Removal.ENDED
        self.records[request_id] = record._replace(state=State.ABANDONED, cause=Cause.REMOVED, finished=NOW)
        return Removal.REMOVED

    async def reload(self) -> None:
        self.calls.append("reload")
        if self.problems:
            raise ConfigurationError(self.problems)

    def quit(self) -> None:
        self.calls.append("quit")

    async def scrape(
        self, accept: str | None, accept_encoding: str | None, names: Collection[str]
    ) -> tuple[bytes, dict[str, str]]:
        text = f"# {accept} {accept_encoding} {sorted(names)}\n"
        return text.encode(), {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble


def fits(record: Record, query: Query) -> bool:
    origin = record.first_seen if record.submitted is None else record.submitted
    return (
        query.account in (None, record.account)
        and query.api in (None, record.api)
        and query.status in (None, record.progress.status)
        and query.state in (None, record.state)
        and query.reason in (None, record.reason)
        and any(name.startswith(query.prefix or "") for name in (record.request_id, record.reference or ""))
        and (query.before is None or record.sequence < query.before)
        and (query.stuck_before is None or origin < query.stuck_before)
    )


def finished(record: Record) -> Record:
    """A success whose finish is known to ten seconds."""
    return record._replace(
        state=State.FINISHED,
        progress=Progress(Status.SUCCESS, "none", "in_process_queue"),
        polls=4,
        answered=NOW,
        finished_after=NOW - 10.0,
        finished=NOW,
    )


class Secret:
    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value


def push(token: str | None = None, *, name: str = "push-0", account: str | None = None) -> PushSource:
    return PushSource(account=account, api=None, token=None if token is None else Secret(token), name=name)


class Boom(ExporterError):
    """Nothing that the web knows of."""
