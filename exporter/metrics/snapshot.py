"""What a scrape shows of the accounts, taken at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.core.request import Progress
from exporter.core.schedule import Undetected
from exporter.core.watch import QueueFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiView:
    """One API of an account. Ages and staleness are seconds, 0 with nothing pending; `stuck` counts by last step. `staleness` is
    None where the API, or its account, is not configured any more: what is left of it is not polled."""

    api: str
    pending: Mapping[Progress, int]
    stuck: Mapping[str, int]
    oldest_age: float
    staleness: float | None
    queue: QueueFigures | None
    undetected: Undetected | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """One window of the rate limit: `name` is burst or daily, `allowed` is the exporter's part, `used` calls are in it now."""

    name: str
    allowed: int
    seconds: float
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """One account. `up` is None before the first answer; `breaker` is closed, probing, paused, backing_off or unauthorized,
    or removed where the account is not configured any more."""

    account: str
    apis: tuple[ApiView, ...]
    windows: tuple[WindowView, ...]
    up: bool | None
    last_success: float | None
    breaker: str
    pace: float
