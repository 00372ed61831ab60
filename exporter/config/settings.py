"""The configuration as values. Durations are seconds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Protocol

DAY = 86_400


class Secret(Protocol):
    """Something that must not be shown. `repr` and `str` hide it."""

    def reveal(self) -> str:
        """The secret as it is now (a changed file is picked up); ConfigurationError when it can't be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a server is trusted, and how it may trust us. `server_name` is the name in its certificate, where that is not the
    one in the URL. Files are read again for every connection."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Calls go through it. `authorization` is the value of the header Proxy-Authorization."""

    host: str
    port: int
    authorization: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """What the account may do, and the part of it that is ours. `share` is exact: 0.29 of 100 is 29, not 28."""

    calls: int = 25
    period: float = 5.0
    daily: int | None = None
    share: Fraction = Fraction(1, 2)

    @property
    def allowed(self) -> int:
        """Calls in any `period` that the exporter may make."""
        return floor(self.calls * self.share)

    @property
    def allowed_daily(self) -> int | None:
        return None if self.daily is None else floor(self.daily * self.share)

    @property
    def most_daily(self) -> int:
        """Calls in 24 hours that the exporter may make, whichever window it is that limits them."""
        windows = self.allowed * ceil(DAY / self.period)
        return windows if self.allowed_daily is None else min(windows, self.allowed_daily)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One asynchronous API of an account. `metrics_path` None turns its queue metrics off. `submit_paths` are patterns; none
    stand for every form that is known."""

    name: str
    status_path: str
    metrics_path: str | None
    request_id_param: str = "RequestID"
    submit_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    name: str
    base_url: str
    api_key: Secret
    rate_limit: RateLimit = RateLimit()
    proxy: Proxy | None = None
    tls: Tls = Tls()
    apis: Mapping[str, Api] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticSource:
    account: str
    api: str
    request_ids: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """`account` and `api` are what a group that names none gets; None where a group has to name them."""

    account: str | None
    api: str | None
    paths: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """`paths` may hold wildcards; `-` is standard input. `account` and `api` are what a match that names none gets.
    `read_from` is `beginning` or `end`, for files that are there when the source is new. `reads` stands for what is read, where
    nobody gave a name."""

    account: str | None
    api: str | None
    paths: tuple[str, ...]
    pattern: re.Pattern[str]
    read_from: str
    name: str
    reads: str = ""

    @property
    def owner(self) -> str:
        """Whose the kept positions are."""
        return self.reads or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSource:
    """`headers` are sent with every request, by name."""

    account: str | None
    api: str | None
    url: str
    interval: float
    timeout: float
    headers: tuple[tuple[str, Secret], ...]
    token: Secret | None
    tls: Tls
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSource:
    """`token` None: writing is allowed from loopback only."""

    account: str | None
    api: str | None
    token: Secret | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySource:
    """`shape` is polls or all: whether submissions wait too, `max_wait` at most, when the account's window is full.
    `timeout` is how long either side may be silent in the middle of a call; `record_timeout` how long an answer waits for its
    commit. `reference_header` has the application's own name of a submission, and is not forwarded."""

    account: str
    listen: str
    name: str
    shape: str = "polls"
    max_wait: float = 10.0
    record_timeout: float = 0.25
    timeout: float = 60.0
    reference_header: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSource:
    """`key` is that of a stream, with its consumer `group`, or of a list. `account` and `api` are what an entry that names
    none gets. `payload` is the field of an entry that may hold JSON in place of fields. `reads` stands for what is read, where
    nobody gave a name."""

    account: str | None
    api: str | None
    url: Secret
    key: str
    is_stream: bool
    consumer: str
    name: str
    group: str = "leadsquared-exporter"
    payload: str = "payload"
    claim_after: float = 300.0
    reads: str = ""

    @property
    def owner(self) -> str:
        """Whose it is what is kept of the group."""
        return self.reads or self.name

    @property
    def part(self) -> str:
        """What it is kept under."""
        return f"{self.group} {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSource:
    """`query` has the parameter :cursor, which goes on from `start` with the values of the column `cursor`. Rows become
    visible at most `look_back` seconds after one with a higher value. `timezone` is the IANA name of the zone of times that have
    no offset. `timeout` is that of one query. `reads` stands for what is read, where nobody gave a name."""

    account: str | None
    api: str | None
    url: Secret
    query: str
    cursor: str
    name: str
    start: str = "0"
    interval: float = 10.0
    look_back: float = 300.0
    timezone: str = "UTC"
    timeout: float = 30.0
    reads: str = ""

    @property
    def owner(self) -> str:
        """Whose the kept position is."""
        return self.reads or self.name


Source = StaticSource | FileSource | LogSource | HttpSource | PushSource | GatewaySource | RedisSource | SqlSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    timeout: float = 10.0
    max_staleness: float = 1800.0
    stuck_after: float = 1800.0
    give_up_after: float = 86400.0
    error_grace: float = 36000.0
    not_found_attempts: int = 5
    policy: str = "learned"
    effort: str = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    finished_ttl: float = 3600.0
    max_entries: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    url: str = "sqlite:///./leadsquared-exporter.db"
    retention: float = 7 * 86400.0
    max_pending: int = 1_000_000


DURATION_BUCKETS = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10800.0, 36000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    duration_buckets: tuple[float, ...] = DURATION_BUCKETS
    max_reasons: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`references`: requests may carry what their application knows them by."""

    accounts: tuple[Account, ...]
    sources: tuple[Source, ...] = ()
    polling: Polling = Polling()
    queue_metrics_interval: float = 60.0
    cache: Cache = Cache()
    storage: Storage = Storage()
    references: bool = False
    metrics: Metrics = Metrics()
    warnings: tuple[str, ...] = ()
