"""The seam between the gateway and what knows the account that it forwards to."""

from typing import Protocol

from exporter.config.settings import Account
from exporter.core.request import Record, Report
from exporter.errors import CallError
from exporter.sources.source import Entry


class AccountTraffic(Protocol):
    """One account. Every `begin` or `begin_in_turn` is followed by one `end`; times are those of `now`."""

    @property
    def account(self) -> Account:
        """As it is configured now."""

    def now(self) -> float: ...

    def wall(self, time: float) -> float:
        """What the wall clock showed at this time."""

    def begin(self) -> float:
        """A call is about to be sent; the time."""

    async def begin_in_turn(self, max_wait: float) -> float:
        """The same, once the account's window has room for it, or after `max_wait` seconds."""

    def end(self, *, lost: bool) -> None:
        """It was answered, or will never arrive any more; `lost`: nobody knows."""

    def count(self, code: int | str, seconds: float) -> None:
        """`code` is the HTTP status, timeout or connection_error."""

    def failed(self, error: CallError, *, sent: float) -> None: ...

    def succeeded(self) -> None: ...

    def heard(self, request_id: str, api: str, report: Report, *, sent: float) -> None:
        """The application was told the status of a request."""

    async def take_in(self, source: str, entry: Entry) -> bool:
        """Returns when the request is durable; False where one of its RequestID had ended before this one was submitted, so that
        this one is not watched. Raises IntakeError or StoreError."""

    async def last_answer(self, request_id: str) -> Record | None:
        """A request as its last answer showed it, pending or finished; None where there is none that may be served."""


class GatewayMeter(Protocol):
    def unrecorded_submission(self, account: str) -> None: ...

    def cached_answer(self, account: str) -> None: ...
