"""The seam between HTTP and the rest of the exporter."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from exporter.config.settings import PushSource
from exporter.core.request import Record
from exporter.gateway.finding import Finding
from exporter.metrics.snapshot import AccountView
from exporter.sources.source import Intake, SourceHealth
from exporter.store.store import Found, Query


class Removal(Enum):
    """What became of the wish to stop watching a request."""

    REMOVED = "removed"
    UNKNOWN = "unknown"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """A way in as the status page shows it; `errors` since the start."""

    name: str
    kind: str
    up: bool
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownView:
    """What passed the gateways of an account and its configuration does not know; `line` is that of the configuration which
    would, empty where none would."""

    findings: Sequence[Finding] = ()
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A changed file that can't be used, so that what was read before stays. `since` is when it was first refused, in seconds since
    the epoch, None where that is not known."""

    what: str
    problems: Sequence[str]
    since: float | None = None


class Backend(Protocol):
    """What the web shows and changes. `find`, `page` and `remove` raise StoreError; times are seconds since the epoch."""

    @property
    def intake(self) -> Intake: ...

    @property
    def health(self) -> SourceHealth:
        """Is told how the push sources fare."""

    @property
    def stuck_after(self) -> float:
        """Seconds after which a pending request counts as stuck."""

    @property
    def references(self) -> bool:
        """Whether requests may carry one."""

    def now(self) -> float: ...

    def views(self) -> Sequence[AccountView]: ...

    def finished(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """How many requests have ever finished, by account and API, then by status."""

    def sources(self) -> Sequence[SourceView]: ...

    def unknown(self, account: str) -> UnknownView: ...

    def apis(self) -> Mapping[str, Collection[str]]:
        """The names of the configured APIs by account."""

    def push_sources(self) -> Sequence[PushSource]: ...

    def unhealthy(self) -> str | None:
        """Why the process should be restarted; None while the poll loop makes progress or has a stated reason not to."""

    def unready(self) -> str | None:
        """Why no requests should be sent here yet or any more; None while they may be."""

    def rejected(self) -> Rejected | None:
        """The configuration, where the last reload has failed."""

    async def find(self, request_id: str) -> Found | None: ...

    async def page(self, query: Query) -> list[Record]:
        """Newest first, at most `query.limit`."""

    async def remove(self, request_id: str) -> Removal:
        """Stop watching a request; returns when that is durable. Raises StoreError."""

    async def reload(self) -> None:
        """Read the configuration again. Raises ConfigurationError, and everything stays as it was."""

    def quit(self) -> None: ...

    async def scrape(
        self, accept: str | None, accept_encoding: str | None, names: Collection[str]
    ) -> tuple[bytes, dict[str, str]]:
        """The exposition and its headers; `names` are the wanted metrics, empty for all."""
