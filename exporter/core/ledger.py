"""What is counted for good: counters and histograms that go on across restarts.

Every entry is made by a committed change, so a scrape can only show what the store already holds.
"""

import collections
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import NamedTuple

from exporter.core.request import Cause, Record, Submission

Labels = tuple[str, ...]


class Counter(StrEnum):
    """A durable counter; the comment gives its labels in order."""

    DISCOVERED = "discovered"  # account, api, source
    FINISHED = "finished"  # account, api, status, last_step
    ABANDONED = "abandoned"  # account, api, cause
    ERRORS = "errors"  # account, api, status, reason
    RECOVERED = "recovered"  # account, api
    DURATION_UNKNOWN = "duration_unknown"  # account, api, status


class Histogram(StrEnum):
    """A durable histogram of seconds; the comment gives its labels in order."""

    DURATION = "duration"  # account, api, status
    DETECTION_WINDOW = "detection_window"  # account, api


class Tally(NamedTuple):
    """One more of something."""

    counter: Counter
    labels: Labels
    amount: int = 1


class Observation(NamedTuple):
    """One measured value, in seconds. `bound` is the upper bound of the bucket it falls into (inf for the last)."""

    histogram: Histogram
    labels: Labels
    value: float
    bound: float
    request_id: str
    time: float


@dataclass(slots=True)
class Distribution:
    """Counts per bucket (not cumulative, one more than bounds for +Inf), their sum, and the newest exemplar of each bucket."""

    counts: list[int]
    total: float = 0.0
    exemplars: dict[int, Observation] = field(default_factory=dict)


class Ledger:
    """The durable counts in memory, equal at every moment to what the store has committed."""

    def __init__(self, bounds: Mapping[Histogram, Sequence[float]]) -> None:
        self.bounds = {histogram: tuple(bounds[histogram]) for histogram in Histogram}
        self.counters: dict[Counter, dict[Labels, int]] = {counter: {} for counter in Counter}
        self.histograms: dict[Histogram, dict[Labels, Distribution]] = {histogram: {} for histogram in Histogram}

    def observation(
        self, histogram: Histogram, labels: Labels, *, value: float, request_id: str, time: float
    ) -> Observation:
        """An observation with the bound of its bucket; nothing is counted yet."""
        bounds = self.bounds[histogram]
        index = bisect_left(bounds, value)
        bound = bounds[index] if index < len(bounds) else inf
        return Observation(histogram, labels, value, bound, request_id, time)

    def count(self, tallies: Iterable[Tally]) -> None:
        for tally in tallies:
            series = self.counters[tally.counter]
            series[tally.labels] = series.get(tally.labels, 0) + tally.amount

    def observe(self, observations: Iterable[Observation]) -> None:
        for one in observations:
            distribution = self.distribution(one.histogram, one.labels)
            index = self._bucket(one.histogram, one.bound)
            distribution.counts[index] += 1
            distribution.total += one.value
            distribution.exemplars[index] = one

    def distribution(self, histogram: Histogram, labels: Labels) -> Distribution:
        """The distribution of these labels, made empty when it is new."""
        series = self.histograms[histogram]
        found = series.get(labels)
        if found is None:
            found = series[labels] = Distribution([0] * (len(self.bounds[histogram]) + 1))
        return found

    def start(self, counter: Counter, labels: Labels) -> None:
        """Let a counter exist at 0, so that its first increase is seen by increase() in PromQL."""
        self.counters[counter].setdefault(labels, 0)

    def restore_bucket(self, histogram: Histogram, labels: Labels, *, bound: float, count: int) -> None:
        """Add stored counts. Where the bounds were changed since, they go to the next larger bound that exists now."""
        self.distribution(histogram, labels).counts[self._bucket(histogram, bound)] += count

    def restore_total(self, histogram: Histogram, labels: Labels, total: float) -> None:
        self.distribution(histogram, labels).total += total

    def _bucket(self, histogram: Histogram, bound: float) -> int:
        return bisect_left(self.bounds[histogram], bound)


def removed(records: Iterable[Record]) -> list[Tally]:
    """Tallies of requests that are watched no more."""
    counts = collections.Counter((one.account, one.api, str(Cause.REMOVED)) for one in records)
    return [Tally(Counter.ABANDONED, one, count) for one, count in counts.items()]


def discovered(submissions: Iterable[Submission]) -> list[Tally]:
    """Tallies of requests taken in."""
    counts = collections.Counter((one.account, one.api, one.source) for one in submissions)
    return [Tally(Counter.DISCOVERED, one, count) for one, count in counts.items()]
