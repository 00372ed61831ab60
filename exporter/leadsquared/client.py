"""Calls LeadSquared: a status of one request, or the figures of one queue."""

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import quote_plus

from exporter import __version__
from exporter.clock import Clock
from exporter.config.settings import Account, Api
from exporter.core.request import REQUEST_ID, Report
from exporter.core.watch import QueueFigures
from exporter.errors import CallError, CallTimeout, ConfigurationError, Unauthorized
from exporter.http.place import Place, place
from exporter.leadsquared.answer import read_queue, read_status
from exporter.leadsquared.transport import RawAnswer, Transport

Found = TypeVar("Found")

USER_AGENT = f"leadsquared-exporter/{__version__}"
STATUS = "status"
QUEUE_METRICS = "queue_metrics"


class CallMeter(Protocol):
    """Where calls are counted: `code` is the HTTP status, timeout or connection_error; `kind` that of the CallError."""

    def call(self, account: str, endpoint: str, code: int | str, seconds: float) -> None: ...

    def call_error(self, account: str, endpoint: str, kind: str) -> None: ...


class _Way(NamedTuple):
    """What every call for an account has in common, as long as neither the account nor its key changes."""

    account: Account
    key: str
    place: Place
    headers: Mapping[str, str]


class Client:
    """Every method makes exactly one call and raises a CallError when it brought nothing usable."""

    def __init__(self, *, transport: Transport, meter: CallMeter, clock: Clock, timeout: float) -> None:
        self._transport = transport
        self._meter = meter
        self._clock = clock
        self._ways: dict[str, _Way] = {}
        self.timeout = timeout

    def status(self, account: Account, api: Api, request_id: str) -> Coroutine[Any, Any, Report]:
        # No RequestID that was taken in has anything to be quoted.
        value = request_id if REQUEST_ID.fullmatch(request_id) else quote_plus(request_id)
        target = f"{api.status_path}?{api.request_id_param}={value}"
        return self._call(account, STATUS, target, partial(read_status, request_id=request_id))

    def queue_metrics(self, account: Account, api: Api) -> Coroutine[Any, Any, QueueFigures]:
        return self._call(account, QUEUE_METRICS, api.metrics_path or "", read_queue)

    async def _call(self, account: Account, endpoint: str, target: str, read: Callable[[RawAnswer], Found]) -> Found:
        # In one piece: this is the way of every poll, and each coroutine on it takes half a microsecond.
        code: int | str = "connection_error"
        try:
            way = self._way(account)
            started = self._clock.now()
            try:
                answer = await self._transport.get(way.place, target, headers=way.headers, timeout=self.timeout)
                code = answer.code
            except CallTimeout:
                code = "timeout"
                raise
            finally:
                self._meter.call(account.name, endpoint, code, self._clock.now() - started)
            return read(answer)
        except CallError as error:
            self._meter.call_error(account.name, endpoint, error.kind)
            raise

    def _way(self, account: Account) -> _Way:
        key, known = _key(account), self._ways.get(account.name)
        if known is not None and known.account is account and known.key == key:
            return known
        headers = {"x-api-key": key, "Accept": "application/json", "User-Agent": USER_AGENT}
        where = place(account.base_url, account.proxy, account.tls)
        way = self._ways[account.name] = _Way(account, key, where, MappingProxyType(headers))
        return way


def _key(account: Account) -> str:
    try:
        return account.api_key.reveal()
    except ConfigurationError as error:
        raise Unauthorized(str(error)) from error
