"""One consistent picture of everything, taken in one step on the event loop, for a thread to write down."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.core.ledger import Counter, Distribution, Histogram, Ledger, Observation
from exporter.metrics import families as f
from exporter.metrics.families import DURABLE, Family
from exporter.metrics.meters import Meters, Times
from exporter.metrics.snapshot import AccountView

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """One histogram series: counts per bucket (not cumulative), their sum, exemplars by bucket."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    exemplars: Mapping[int, Observation]


@dataclass(slots=True)
class Snapshot:
    """Values by family and labels. The gauges of the accounts are still views, which never change: turning them into series
    takes longer than all the rest, and the thread that writes can do it."""

    values: dict[Family, dict[Labels, float]] = field(default_factory=dict)
    shapes: dict[Family, dict[Labels, Shape]] = field(default_factory=dict)
    views: Sequence[AccountView] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    version: str
    revision: str
    python_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """`undurable` changes wait for the store, and `spooled` submissions, by account."""

    up: bool
    undurable: int
    spooled: Mapping[str, int]


class Collector:
    """Copies; nothing is formatted here, because the event loop waits meanwhile."""

    def __init__(
        self,
        ledger: Ledger,
        meters: Meters,
        views: Callable[[], Sequence[AccountView]],
        *,
        store: Callable[[], StoreState],
        build: Build,
        ahead: Callable[[], float] = float,
    ) -> None:
        """`ahead` is how far the wall clock is ahead of the times of exemplars."""
        self._ledger = ledger
        self._meters = meters
        self._views = views
        self._store = store
        self._ahead = ahead
        self._build = build

    def snapshot(self) -> Snapshot:
        """No await and no other thread in here: what is discovered is pending, finished or abandoned."""
        taken = Snapshot(views=self._views())
        for counter, series in self._ledger.counters.items():
            taken.values[DURABLE[counter]] = dict(series)
        for histogram, distributions in self._ledger.histograms.items():
            taken.shapes[DURABLE[histogram]] = self._durable(histogram, distributions)
        self._show_meters(taken)
        return taken

    def _durable(self, histogram: Histogram, series: Mapping[Labels, Distribution]) -> dict[Labels, Shape]:
        bounds, ahead = self._ledger.bounds[histogram], self._ahead()
        return {
            labels: Shape(bounds, tuple(one.counts), one.total, _exemplars(one.exemplars, ahead))
            for labels, one in series.items()
        }

    def _show_meters(self, taken: Snapshot) -> None:
        meters, values = self._meters, taken.values
        values[f.POLLS] = dict(meters.polls)
        values[f.CALLS] = dict(meters.calls)
        values[f.CALL_ERRORS] = dict(meters.call_errors)
        values[f.WAITED] = dict(meters.waits)
        values[f.UNRECORDED] = dict(meters.unrecorded)
        values[f.CACHED] = dict(meters.cached)
        values[f.SOURCE_UP] = {labels: state.up for labels, state in meters.sources.items()}
        values[f.SOURCE_ERRORS] = {labels: state.errors for labels, state in meters.sources.items()}
        values[f.SOURCE_ERRORS_BY_KIND] = {
            (*labels, kind): count for labels, state in meters.sources.items() for kind, count in state.kinds.items()
        }
        values[f.LAG] = {(): meters.lag}
        values[f.CLOCK_STEPS] = {(): meters.clock_steps}
        values[f.RELOAD_OK] = {(): meters.reload_ok}
        values[f.RELOAD_TIME] = {(): meters.reload_time}
        store = self._store()
        values[f.STORE_UP], values[f.JOURNAL] = {(): store.up}, {(): store.undurable}
        values[f.SPOOL] = {(account,): count for account, count in store.spooled.items()}
        build = self._build
        values[f.BUILD] = {(build.version, build.revision, build.python_version): 1}
        taken.shapes[f.CALL_DURATION] = {
            labels: _shape(f.CALL_DURATION, times) for labels, times in meters.call_times.items()
        }
        taken.shapes[f.COMMIT] = {(): _shape(f.COMMIT, meters.commits)}


def _exemplars(exemplars: Mapping[int, Observation], ahead: float) -> Mapping[int, Observation]:
    if not ahead:
        return dict(exemplars)
    return {bucket: one._replace(time=one.time + ahead) for bucket, one in exemplars.items()}


def _shape(family: Family, times: Times) -> Shape:
    return Shape(family.buckets, tuple(times.counts), times.total, {})


def start_known(ledger: Ledger, *, account: str, apis: Sequence[str], sources: Sequence[str]) -> None:
    """Let the durable series that are known beforehand exist at 0, so that increase() sees their first increase."""
    for api in apis:
        for source in sources:
            ledger.start(Counter.DISCOVERED, (account, api, source))
        for cause in ("not_found", "expired", "removed"):
            ledger.start(Counter.ABANDONED, (account, api, cause))
        for status in ("failure", "error"):
            ledger.start(Counter.ERRORS, (account, api, status, "other"))
        ledger.start(Counter.RECOVERED, (account, api))
        ledger.distribution(Histogram.DETECTION_WINDOW, (account, api))
        for status in ("success", "failure", "error"):
            for last_step in ("in_process_queue", "none"):
                ledger.start(Counter.FINISHED, (account, api, status, last_step))
            ledger.start(Counter.DURATION_UNKNOWN, (account, api, status))
            ledger.distribution(Histogram.DURATION, (account, api, status))
