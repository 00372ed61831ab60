"""What is counted in this process only; it starts again with each start."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.core.request import OTHER, Outcome
from exporter.metrics.families import (
    CALL_BUCKETS,
    CODES,
    COMMIT_BUCKETS,
    ENDPOINTS,
    ERROR_KINDS,
    GATEWAY,
    SOURCE_ERROR_KINDS,
)

Labels = tuple[str, ...]

# The lag is measured once a second: the worst of so many measurements is shown.
LAG_SAMPLES = 15

# Every code that HTTP has, made once: a server can't make up label values, and no call formats a number.
_CODES: dict[int | str, str] = {code: str(code) for code in range(100, 600)}
_CODES |= {"timeout": "timeout", "connection_error": "connection_error"}


@dataclass(slots=True)
class Times:
    """Counts per bucket, not cumulative, one more than bounds; and the sum."""

    counts: list[int]
    total: float = 0.0


@dataclass(slots=True)
class SourceState:
    """`kinds` are the errors by kind. An entry that does not fit says nothing of the source, which is up until it says else."""

    up: bool = True
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SOURCE_ERROR_KINDS, 0))

    @property
    def errors(self) -> int:
        return sum(self.kinds.values())


@dataclass(slots=True)
class Meters:
    """Plain dictionaries by label values, in the order that the families declare."""

    polls: dict[Labels, float] = field(default_factory=dict)
    calls: dict[Labels, float] = field(default_factory=dict)
    call_errors: dict[Labels, float] = field(default_factory=dict)
    call_times: dict[Labels, Times] = field(default_factory=dict)
    waits: dict[Labels, float] = field(default_factory=dict)
    unrecorded: dict[Labels, float] = field(default_factory=dict)
    cached: dict[Labels, float] = field(default_factory=dict)
    sources: dict[tuple[str, str], SourceState] = field(default_factory=dict)
    commits: Times = field(default_factory=lambda: Times([0] * (len(COMMIT_BUCKETS) + 1)))
    reload_ok: bool = True
    reload_time: float = 0.0
    clock_steps: float = 0.0
    _lags: list[float] = field(default_factory=list)
    # A call that was under way when its account or API was removed would bring the series back.
    _forgotten: set[str] = field(default_factory=set)
    _forgotten_apis: set[tuple[str, str]] = field(default_factory=set)
    _forgotten_gateways: set[str] = field(default_factory=set)

    def declare_account(self, account: str, apis: Iterable[str], *, gateway: bool = False) -> None:
        """Let every known series of an account exist at 0. `gateway`: its application's calls are counted too; where they
        no longer are, their series go, like those of anything that is removed."""
        self._forgotten.discard(account)
        if gateway:
            self._forgotten_gateways.discard(account)
        else:
            self._forget_gateway(account)
        for api in apis:
            self._forgotten_apis.discard((account, api))
            for outcome in Outcome:
                self.polls.setdefault((account, api, outcome), 0)
        for endpoint in (*ENDPOINTS, GATEWAY) if gateway else ENDPOINTS:
            for code in CODES:
                self.calls.setdefault((account, endpoint, code), 0)
            for kind in ERROR_KINDS:
                self.call_errors.setdefault((account, endpoint, kind), 0)
            self.call_times.setdefault((account, endpoint), Times([0] * (len(CALL_BUCKETS) + 1)))
        self.waits.setdefault((account,), 0.0)
        for series in (self.unrecorded, self.cached):
            series.setdefault((account,), 0)

    def keep(self, *, accounts: Mapping[str, Collection[str]], sources: Collection[tuple[str, str]]) -> None:
        """Drop the series of all other accounts, of their other APIs, and of other sources, by name and type."""
        counted = (self.calls, self.call_errors, self.call_times, self.waits, self.unrecorded, self.cached)
        for series in counted:
            self._forgotten |= {labels[0] for labels in _drop(series, lambda labels: labels[0] in accounts)}
        others = _drop(self.polls, lambda labels: labels[1] in accounts.get(labels[0], ()))
        self._forgotten_apis |= {(account, api) for account, api, _ in others}
        _drop(self.sources, lambda labels: labels in sources)

    def _forget_gateway(self, account: str) -> None:
        for series in (self.calls, self.call_errors, self.call_times):
            if _drop(series, lambda labels: labels[:2] != (account, GATEWAY)):
                self._forgotten_gateways.add(account)

    def _is_forgotten(self, account: str, endpoint: str) -> bool:
        return account in self._forgotten or (endpoint == GATEWAY and account in self._forgotten_gateways)

    def poll(self, account: str, api: str, outcome: str) -> None:
        if (account, api) in self._forgotten_apis:
            return
        key = (account, api, outcome)
        self.polls[key] = self.polls.get(key, 0) + 1

    def call(self, account: str, endpoint: str, code: int | str, seconds: float) -> None:
        # Of each call: empty sets are asked for nothing.
        if (self._forgotten or self._forgotten_gateways) and self._is_forgotten(account, endpoint):
            return
        calls, key = self.calls, (account, endpoint, _CODES.get(code, OTHER))
        calls[key] = calls.get(key, 0) + 1
        times = self.call_times.get((account, endpoint))
        if times is None:
            times = self.call_times[account, endpoint] = Times([0] * (len(CALL_BUCKETS) + 1))
        times.counts[bisect_left(CALL_BUCKETS, seconds)] += 1
        times.total += seconds

    def call_error(self, account: str, endpoint: str, kind: str) -> None:
        if self._is_forgotten(account, endpoint):
            return
        key = (account, endpoint, kind)
        self.call_errors[key] = self.call_errors.get(key, 0) + 1

    def waited(self, account: str, seconds: float) -> None:
        self.waits[account,] = self.waits.get((account,), 0.0) + seconds

    def unrecorded_submission(self, account: str) -> None:
        self.unrecorded[account,] = self.unrecorded.get((account,), 0) + 1

    def cached_answer(self, account: str) -> None:
        self.cached[account,] = self.cached.get((account,), 0) + 1

    def source_state(self, source: str, kind: str, *, up: bool) -> None:
        self.sources.setdefault((source, kind), SourceState()).up = up

    def source_error(self, source: str, kind: str, trouble: str, count: int = 1) -> None:
        """`kind` is that of the source, `trouble` that of the error: one of SOURCE_ERROR_KINDS."""
        self.sources.setdefault((source, kind), SourceState()).kinds[trouble] += count

    def commit(self, seconds: float) -> None:
        self.commits.counts[bisect_left(COMMIT_BUCKETS, seconds)] += 1
        self.commits.total += seconds

    def loop_lag(self, seconds: float) -> None:
        self._lags = [*self._lags[1 - LAG_SAMPLES :], seconds]

    def clock_step(self, seconds: float) -> None:
        self.clock_steps += seconds

    def config_reload(self, *, ok: bool, time: float) -> None:
        self.reload_ok = ok
        if ok:
            self.reload_time = time

    @property
    def lag(self) -> float:
        return max(self._lags, default=0.0)


def _drop(series: dict[Any, Any], kept: Callable[[Labels], bool]) -> list[Labels]:
    """Drop those whose labels are not kept; the labels that were dropped."""
    dropped = [labels for labels in series if not kept(labels)]
    for labels in dropped:
        del series[labels]
    return dropped
