"""The way to a Remote without a network, in whatever time the clock tells."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from urllib.parse import parse_qsl

from exporter.clock import Clock
from exporter.errors import CallTimeout, ConnectionFailed, ExporterError, InvalidResponse
from exporter.http.place import Place
from exporter.leadsquared.endpoints import BY_NAME
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer
from exporter.simulator.faults import RESET
from exporter.simulator.remote import Remote
from exporter.simulator.reply import Drop, Reply

SUBMIT_TIMEOUT = 30.0
_PASSED_ON = ("retry-after", "date")


class SubmissionRefused(ExporterError):
    """A submission was answered with something else than a RequestID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the way does to a call. Each direction takes `latency` and an exponential time of mean `jitter`, in seconds.

    refused       probability that no connection is made
    lost          probability that the call never arrives, and nothing tells so
    answer_lost   probability that the call arrives and its answer does not
    """

    latency: float = 0.025
    jitter: float = 0.0
    refused: float = 0.0
    lost: float = 0.0
    answer_lost: float = 0.0


@dataclass(slots=True, eq=False)
class _Call:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    reply: Reply = RESET


class Wire:
    """Calls on their way to a remote. They arrive, whatever has become of their callers meanwhile."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self._calls: list[tuple[float, int, _Call]] = []
        self._numbers = count()

    @property
    def under_way(self) -> int:
        """Calls that were sent and have not arrived."""
        return len(self._calls)

    def send(self, call: _Call, arrival: float) -> None:
        heappush(self._calls, (arrival, next(self._numbers), call))

    def deliver(self, now: float) -> None:
        """Let the remote have all calls that arrive up to now, in the order of their arrival."""
        while self._calls and self._calls[0][0] <= now:
            arrival, _, call = heappop(self._calls)
            call.reply = self.remote.handle(
                method=call.method, path=call.path, query=call.query, headers=call.headers, body=call.body, now=arrival
            )


class MemoryTransport:
    """A Transport that hands calls to a Remote. The same seed gives the same way.

    A call that was sent arrives, even if its caller gave up, was cancelled, or died with its event loop: it lies on the
    wire until a later call is delivered, or until `wire.deliver(now)`, which a look at the remote's truth or log should
    follow. The transport of a restarted process takes over the `wire`, which is the world's and not the process's.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        seed: int = 0,
        network: Network | None = None,
    ) -> None:
        self.wire = wire
        self.network = network or Network()
        self._clock = clock
        self._sleep = sleep
        self._random = Random(f"{seed}/network")  # noqa: S311  (repeatable choices, not secrets)

    async def get(self, place: Place, target: str, *, headers: Mapping[str, str], timeout: float) -> RawAnswer:
        path, _, query = target.partition("?")
        call = _Call("GET", path, dict(parse_qsl(query)), _lower(headers), b"")
        reply = await self._send(call, timeout)
        passed_on = {name: reply.headers[name] for name in _PASSED_ON if name in reply.headers}
        return RawAnswer(reply.code, passed_on, reply.body[: BODY_LIMIT + 1])

    async def submit(self, *, key: str, api: str, body: bytes = b"[]", timeout: float = SUBMIT_TIMEOUT) -> str:
        """Submit a request as an application does; its RequestID. SubmissionRefused, or the errors of `get`."""
        endpoint = BY_NAME[api]
        path = endpoint.submit_path + ("/connector" if api == "call_log" else "")
        reply = await self._send(_Call("POST", path, {}, {"x-api-key": key}, body), timeout)
        try:
            return str(json.loads(reply.body)["RequestID"])
        except (ValueError, KeyError, TypeError) as error:
            raise SubmissionRefused(f"the submission was answered with HTTP status {reply.code}") from error

    async def close(self) -> None:
        """Nothing to close: what is on the wire arrives."""

    async def _send(self, call: _Call, timeout: float) -> Reply:
        there, back = self._way()
        if self._happens(self.network.refused):
            await self._pause(min(there, timeout))
            raise ConnectionFailed("no connection", sent=False)
        if self._happens(self.network.lost):
            there = inf
        arrival = self._clock.now() + there
        if there < inf:
            self.wire.send(call, arrival)
        await self._within(there, timeout, timeout)
        self.wire.deliver(max(arrival, self._clock.now()))
        lost = self._happens(self.network.answer_lost)
        await self._within(inf if lost else call.reply.delay + back, timeout - there, timeout)
        return _received(call.reply)

    async def _within(self, seconds: float, left: float, timeout: float) -> None:
        if seconds >= left:
            await self._pause(max(0.0, left))
            raise CallTimeout(f"no answer within {timeout:g} s")
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        # Nothing may return without having awaited, or a loop of calls that fail at once would stop all other tasks.
        await self._sleep(seconds)

    def _way(self) -> tuple[float, float]:
        """Seconds there and back, drawn separately: a call is counted at any time between its sending and its answer."""
        return self._leg(), self._leg()

    def _leg(self) -> float:
        jitter = self.network.jitter
        return self.network.latency + (self._random.expovariate(1 / jitter) if jitter else 0.0)

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability


def _received(reply: Reply) -> Reply:
    if reply.drop is Drop.RESET:
        raise ConnectionFailed("the connection was reset")
    if reply.drop is Drop.HALFWAY:
        raise InvalidResponse("an answer that breaks HTTP")
    return reply


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
