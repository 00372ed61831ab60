"""Calls LeadSquared: a status of one request, or the figures of one queue."""

from typing import Protocol
from urllib.parse import quote_plus

from exporter import __version__
from exporter.clock import Clock
from exporter.config.settings import Account, Api
from exporter.core.request import REQUEST_ID, Report
from exporter.core.watch import QueueFigures
from exporter.errors import CallError, CallTimeout, ConfigurationError, Unauthorized
from exporter.http.place import place
from exporter.leadsquared.answer import read_queue, read_status
from exporter.leadsquared.transport import RawAnswer, Transport

USER_AGENT = f"leadsquared-exporter/{__version__}"
STATUS = "status"
QUEUE_METRICS = "queue_metrics"


class CallMeter(Protocol):
    """Where calls are counted: `code` is the HTTP status, timeout or connection_error; `kind` that of the CallError."""

    def call(self, account: str, endpoint: str, code: int | str, seconds: float) -> None: ...

    def call_error(self, account: str, endpoint: str, kind: str) -> None: ...


class Client:
    """Every method makes exactly one call and raises a CallError when it brought nothing usable."""

    def __init__(self, *, transport: Transport, meter: CallMeter, clock: Clock, timeout: float) -> None:
        self._transport = transport
        self._meter = meter
        self._clock = clock
        self.timeout = timeout

    async def status(self, account: Account, api: Api, request_id: str) -> Report:
        # No RequestID that was taken in has anything to be quoted.
        value = request_id if REQUEST_ID.fullmatch(request_id) else quote_plus(request_id)
        target = f"{api.status_path}?{api.request_id_param}={value}"
        try:
            return read_status(await self._send(account, STATUS, target), request_id)
        except CallError as error:
            self._meter.call_error(account.name, STATUS, error.kind)
            raise

    async def queue_metrics(self, account: Account, api: Api) -> QueueFigures:
        try:
            return read_queue(await self._send(account, QUEUE_METRICS, api.metrics_path or ""))
        except CallError as error:
            self._meter.call_error(account.name, QUEUE_METRICS, error.kind)
            raise

    async def _send(self, account: Account, endpoint: str, target: str) -> RawAnswer:
        where = place(account.base_url, account.proxy, account.tls)
        headers = {"x-api-key": _key(account), "Accept": "application/json", "User-Agent": USER_AGENT}
        started = self._clock.now()
        code: int | str = "connection_error"
        try:
            answer = await self._transport.get(where, target, headers=headers, timeout=self.timeout)
            code = answer.code
        except CallTimeout:
            code = "timeout"
            raise
        finally:
            self._meter.call(account.name, endpoint, code, self._clock.now() - started)
        return answer


def _key(account: Account) -> str:
    try:
        return account.api_key.reveal()
    except ConfigurationError as error:
        raise Unauthorized(str(error)) from error
