"""LeadSquared as its callers see it: accounts, limits, seven APIs. Plain and synchronous; the time is handed in."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from random import Random, SystemRandom
from typing import NamedTuple

from exporter.core.request import Status
from exporter.leadsquared.endpoints import BY_NAME, ENDPOINTS, Endpoint
from exporter.simulator import answers
from exporter.simulator.door import Account, Call, Door, Kind, Refusal, busiest_window
from exporter.simulator.fate import RETRYING, RETRYING_ERROR, Fate, Script
from exporter.simulator.faults import Faults
from exporter.simulator.options import Options
from exporter.simulator.queue import Queue
from exporter.simulator.reply import FORBIDDEN, NO_ID, NO_ROUTE, TOO_LARGE, UNAUTHORIZED, WRONG_REGION, Reply, limited

# The payload limit of the gateway that LeadSquared most likely uses.
LARGEST_BODY = 10 * 1024 * 1024
LOGGED_CALLS = 100_000
_SEEDS = 10**9

_SECRETS = (("accessKey", "x-lsq-accesskey"), ("secretKey", "x-lsq-secretkey"))


def new_seed() -> int:
    """One that gives RequestIDs which no start before has given."""
    return SystemRandom().randrange(_SEEDS)


class _Route(NamedTuple):
    kind: Kind
    endpoint: Endpoint | None


_NOWHERE = _Route(Kind.OTHER, None)
_CALL_LOG_PATH = re.compile("/[0-9]+/api/telephony/logcallcomplete(/[^/]+){1,2}")


class Remote:
    """The simulated LeadSquared.

    truth   what really became of every request, by RequestID; up to date after `advance`
    log     the last `logged_calls` calls at the door, oldest first; None for all of them

    `service_times` gives the seconds that one attempt after the other takes, as long as it yields any. The same seed and
    the same calls give the same answers. A time earlier than one handed in before counts as that one.
    """

    def __init__(
        self,
        options: Options | None = None,
        seed: int = 0,
        *,
        accounts: Iterable[Account] = (Account(),),
        service_times: Iterator[float] | None = None,
        logged_calls: int | None = LOGGED_CALLS,
    ) -> None:
        self.truth: dict[str, Fate] = {}
        self.log: deque[Call] = deque(maxlen=logged_calls)
        self._options = options or Options()
        self._faults = Faults(self._options)
        self._seed = seed
        self._ids = Random(f"{seed}/ids")  # noqa: S311  (repeatable choices, not secrets)
        self._trouble = Random(f"{seed}/trouble")  # noqa: S311
        self._service_times = service_times
        self._scripts: deque[Script] = deque()
        self._queues: dict[tuple[str, str], Queue] = {}
        self._last: dict[tuple[str, str], str] = {}
        self._doors: dict[str, Door] = {}
        self._now = 0.0
        self._routes = _routes()
        for account in accounts:
            self._doors[account.key] = Door(account)

    @property
    def options(self) -> Options:
        return self._options

    @options.setter
    def options(self, options: Options) -> None:
        """Other switches from the next call on."""
        self._options = options
        self._faults = Faults(options)
        for queue in self._queues.values():
            queue.reconfigure(options, self._now)

    @property
    def accounts(self) -> list[Account]:
        return [door.account for door in self._doors.values()]

    def change(self, account: Account) -> None:
        """Other limits, region or key for the account of this name, which is new if there is none."""
        door = next((door for door in self._doors.values() if door.account.name == account.name), None)
        if door is None:
            self._doors[account.key] = Door(account)
            return
        del self._doors[door.account.key]
        door.change(account)
        self._doors[account.key] = door

    def revoke(self, name: str, code: int = 403) -> None:
        """The key no longer works: 403 as the gateway says it, or 401 as LeadSquared says it of a deactivated user.
        KeyError for an unknown account."""
        self._door(name).revoked = code

    def restore(self, name: str) -> None:
        self._door(name).revoked = 0

    def plan(self, script: Script) -> None:
        """The next submission that is not planned yet follows this script instead of going through its queue."""
        self._scripts.append(script)

    def handle(
        self,
        *,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        now: float,
    ) -> Reply:
        """What a call brings. Header names are lower case, or `headers` ignores case."""
        self._now = now = max(now, self._now)
        route = self._routes.get((method, path)) or _call_log(method, path)
        # Some connectors for telephony put the key into the query.
        door = self._doors.get(headers.get("x-api-key") or query.get("xapikey", ""))
        if door is None:
            reply, name = FORBIDDEN, ""
        else:
            reply, name = self._receive(door, route, query, headers, body), door.account.name
            door.codes[route.kind][reply.code] += 1
        self.log.append(Call(now, name, route.kind, reply.code))
        return self._paced(reply)

    def submit(
        self,
        *,
        account: str,
        api: str,
        now: float,
        body: bytes = b"[]",
        request_id: str | None = None,
        script: Script = (),
    ) -> Fate:
        """A request enters its queue past the door, with a RequestID and a script of one's choice."""
        self._now = now = max(now, self._now)
        queue = self._queue(account, BY_NAME[api])
        queue.advance(now)
        fate = Fate(
            request_id=request_id or self._new_id(), account=account, api=api, submitted=now, body=body, script=script
        )
        self.truth[fate.request_id] = fate
        self._last[account, api] = fate.request_id
        queue.add(fate)
        return fate

    def advance(self, now: float) -> None:
        """Bring the truth up to now."""
        self._now = now = max(now, self._now)
        for queue in self._queues.values():
            queue.advance(now)

    def finished(self, account: str, api: str) -> dict[Status, int]:
        """How many requests have ended, by status, as of the last `advance` or call."""
        queue = self._queues.get((account, api))
        return {} if queue is None else dict(queue.finished)

    def busiest(self, account: str) -> dict[str, int]:
        """The most calls that any window of the account's period has held, by kind, for `polls` (status and metrics
        calls) and `all`, refused calls included. Counted as calls come, however short the log."""
        return self._door(account).busiest()

    def busiest_in_log(self, period: float, kinds: Iterable[Kind] = tuple(Kind), account: str | None = None) -> int:
        """The same for any period and kinds, of one account or of all together, as far as the log goes back."""
        wanted = frozenset(kinds)
        return busiest_window(
            (call.time for call in self.log if call.kind in wanted and account in (None, call.account)), period
        )

    def summary(self, now: float) -> dict[str, object]:
        """The truth in numbers, by account: requests by api and status, calls by kind and code, the busiest windows."""
        self.advance(now)
        return {door.account.name: self._account_summary(door) for door in self._doors.values()}

    def _account_summary(self, door: Door) -> dict[str, object]:
        account = door.account
        queues = [queue for (name, _), queue in self._queues.items() if name == account.name]
        return {
            "requests": {
                queue.endpoint.name: {
                    "submitted": queue.submitted,
                    "pending": queue.pending,
                    "finished": {str(status): count for status, count in sorted(queue.finished.items())},
                }
                for queue in queues
            },
            "calls": {
                str(kind): {str(code): count for code, count in sorted(codes.items())}
                for kind, codes in door.codes.items()
                if codes
            },
            "limit": {"calls": account.calls, "period": account.period, "daily": account.daily},
            "busiest": door.busiest(),
            "busiest_day": door.busiest_day(),
        }

    def _door(self, name: str) -> Door:
        for door in self._doors.values():
            if door.account.name == name:
                return door
        raise KeyError(name)

    def _receive(
        self, door: Door, route: _Route, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Count the call, turn it away or handle it, and let the fault happen that is drawn for it."""
        counts = self._options.limit_submissions or route.kind is not Kind.SUBMIT
        refusal = door.knock(self._now, route.kind, counts=counts, even_refused=self._options.limit_refused)
        turned_away = self._turned_away(door, refusal)
        if turned_away is not None:
            return turned_away
        if route.endpoint is None:
            return NO_ROUTE[self._options.answer_unknown_route]
        fault = self._faults.draw(self._trouble, route.kind)
        if fault is None:
            return self._answer(door.account, route.kind, route.endpoint, query, headers, body, None)
        instead = self._faults.instead(fault, calls=door.account.calls or 25, period=door.account.period)
        if instead is not None:
            return instead
        reply = self._answer(door.account, route.kind, route.endpoint, query, headers, body, fault)
        return self._faults.spoil(fault, reply)

    def _turned_away(self, door: Door, refusal: Refusal | None) -> Reply | None:
        if door.revoked:
            return UNAUTHORIZED if door.revoked == 401 else FORBIDDEN
        if refusal is not None:
            wait = refusal.retry_after if self._options.limit_retry_after else None
            return limited(self._options.limit_form, refusal.message, wait)
        return WRONG_REGION if door.account.wrong_region else None

    def _answer(
        self,
        account: Account,
        kind: Kind,
        endpoint: Endpoint,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        fault: str | None,
    ) -> Reply:
        if kind is Kind.STATUS:
            return self._status(account.name, endpoint, query.get(self._options.id_param, ""), fault)
        if kind is Kind.METRICS:
            queue = self._queue(account.name, endpoint)
            queue.advance(self._now)
            return answers.queue_metrics(endpoint, queue.figures(self._now))
        return self._submission(account.name, endpoint, query, headers, body, fault)

    def _status(self, account: str, endpoint: Endpoint, request_id: str, fault: str | None) -> Reply:
        if not request_id:
            return NO_ID
        fate = self.truth.get(request_id)
        if fate is None or fate.account != account or fate.api != endpoint.name or fault == "fault_unknown_id":
            return answers.unknown(endpoint, request_id, self._options)
        self._queues[account, endpoint.name].advance(self._now)
        if not self._visible(fate):
            return answers.unknown(endpoint, request_id, self._options)
        between = RETRYING_ERROR if self._options.queue_between_retries == "error" else RETRYING
        return answers.status(endpoint, fate, fate.scene(self._now, between), self._options, fault)

    def _visible(self, fate: Fate) -> bool:
        options = self._options
        if options.id_visible_after and self._now < fate.submitted + options.id_visible_after:
            return False
        return not options.id_retention or fate.finished is None or self._now < fate.finished + options.id_retention

    def _submission(
        self,
        account: str,
        endpoint: Endpoint,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        fault: str | None,
    ) -> Reply:
        if len(body) > LARGEST_BODY:
            return TOO_LARGE
        if self._options.submit_secrets and not all(query.get(q) or headers.get(h) for q, h in _SECRETS):
            return UNAUTHORIZED
        last = self._last.get((account, endpoint.name))
        if fault == "fault_duplicate_id" and last is not None:
            return answers.submission(last)
        script = self._scripts.popleft() if self._scripts else ()
        fate = self.submit(account=account, api=endpoint.name, now=self._now, body=body, script=script)
        return answers.submission(fate.request_id)

    def _queue(self, account: str, endpoint: Endpoint) -> Queue:
        key = (account, endpoint.name)
        if key not in self._queues:
            self._queues[key] = Queue(
                account=account,
                endpoint=endpoint,
                options=self._options,
                seed=self._seed,
                service_times=self._service_times,
            )
        return self._queues[key]

    def _new_id(self) -> str:
        """A UUID of version 4, as LeadSquared's ids look."""
        digits = f"{self._ids.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def _paced(self, reply: Reply) -> Reply:
        latency, jitter = self._options.answer_latency, self._options.answer_jitter
        if not latency and not jitter:
            return reply
        random = self._trouble.expovariate(1 / jitter) if jitter else 0.0
        return reply._replace(delay=reply.delay + latency + random)


def _routes() -> dict[tuple[str, str], _Route]:
    routes = {}
    for endpoint in ENDPOINTS:
        routes["GET", endpoint.status_path] = _Route(Kind.STATUS, endpoint)
        routes["GET", endpoint.metrics_path] = _Route(Kind.METRICS, endpoint)
        for path in endpoint.submit_paths:
            if "*" not in path:
                routes["POST", path] = _Route(Kind.SUBMIT, endpoint)
    return routes


def _call_log(method: str, path: str) -> _Route:
    """A call log is submitted to a path of any version that ends with the connector's key, or the key and a GUID."""
    fits = method == "POST" and _CALL_LOG_PATH.fullmatch(path)
    return _Route(Kind.SUBMIT, BY_NAME["call_log"]) if fits else _NOWHERE
