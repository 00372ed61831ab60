"""The ratios and quantiles that dashboards, recording rules and alerts share, declared once.

A dashboard renders one with its own selector, window and labels, and so works where no rules are loaded:
`SUCCESS_RATIO.promql(selector='account=~"$account"', window="$__rate_interval", by=("account",))`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from alerts.site import LABELS
from exporter.metrics import families as f
from exporter.metrics.families import Family

WINDOW: Final = "5m"


@dataclass(frozen=True, slots=True)
class Samples:
    """Those samples of a family that fit `matchers`, such as 'status="success"'."""

    family: Family
    matchers: str = ""

    def select(self, selector: str = "", *, suffix: str = "") -> str:
        matchers = ",".join(part for part in (selector, self.matchers) if part)
        return f"{self.family.name}{suffix}" + (f"{{{matchers}}}" if matchers else "")


def total(vector: str, by: Sequence[str], *, operator: str = "sum") -> str:
    return f"{operator} by ({', '.join(by)}) ({vector})" if by else f"{operator}({vector})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression(ABC):
    """`labels` are those of the recorded series, beside what the scraper adds; `operation` ends its name. The value is a
    part from 0 to 1 where `unit` is percentunit and seconds where it is s, the names that Grafana has for them."""

    help: str
    labels: tuple[str, ...]
    operation: str
    unit: str = "percentunit"

    @property
    @abstractmethod
    def metric(self) -> Family:
        """The family that the recorded series is named after."""

    @abstractmethod
    def promql(self, *, selector: str = "", window: str = WINDOW, by: Sequence[str] | None = None) -> str:
        """`selector` narrows every sample by labels that all families of the expression have; `by` are the labels to keep,
        None for those of the recorded series. No sample where there is nothing to divide by."""

    def kept(self, by: Sequence[str] | None) -> tuple[str, ...]:
        """A label that is not named here is of the target: it must neither part what belongs together nor hide anything."""
        return (*LABELS, *self.labels) if by is None else tuple(by)

    @property
    def windowed(self) -> bool:
        """Whether it looks back over a window."""
        return True

    @property
    def record(self) -> str:
        """The name of the recorded series, as level:metric:operations."""
        level = "_".join(self.labels) or "job"
        operation = f"{self.operation}_rate{WINDOW}" if self.windowed else self.operation
        return f"{level}:{self.metric.name.removesuffix('_total')}:{operation}"

    @property
    def extra_labels(self) -> dict[str, str]:
        """What the recorded series is told apart by from others of its name."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(Expression):
    """What was counted in `part` for each that was counted in `whole`."""

    part: Samples
    whole: Samples

    @property
    def metric(self) -> Family:
        return self.whole.family

    def promql(self, *, selector: str = "", window: str = WINDOW, by: Sequence[str] | None = None) -> str:
        part, whole = (
            total(f"rate({samples.select(selector)}[{window}])", self.kept(by)) for samples in (self.part, self.whole)
        )
        return f"{part} / ({whole} > 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRatio(Expression):
    """One gauge for each of the other, now: of several processes, in the one where it is most."""

    part: Samples
    whole: Samples

    @property
    def metric(self) -> Family:
        return self.part.family

    @property
    def windowed(self) -> bool:
        return False

    def promql(self, *, selector: str = "", window: str = WINDOW, by: Sequence[str] | None = None) -> str:
        part, whole = (samples.select(selector) for samples in (self.part, self.whole))
        return total(f"{part} / ({whole} > 0)", self.kept(by), operator="max")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeShare(Expression):
    """The part of the time that a counter of seconds went on: of several processes, in the one where it was most."""

    seconds: Samples

    @property
    def metric(self) -> Family:
        return self.seconds.family

    def promql(self, *, selector: str = "", window: str = WINDOW, by: Sequence[str] | None = None) -> str:
        rate = f"rate({self.seconds.select(selector)}[{window}])"
        return total(rate, self.kept(by), operator="max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile(Expression):
    """`quantile` of a histogram, from 0 to 1."""

    histogram: Family
    quantile: float
    operation: str = "quantile"
    unit: str = "s"

    @property
    def metric(self) -> Family:
        return self.histogram

    @property
    def extra_labels(self) -> dict[str, str]:
        return {"quantile": f"{self.quantile:g}"}

    def promql(self, *, selector: str = "", window: str = WINDOW, by: Sequence[str] | None = None) -> str:
        samples = Samples(self.histogram)
        rate = f"rate({samples.select(selector, suffix='_bucket')}[{window}])"
        return f"histogram_quantile({self.quantile:g}, {total(rate, (*self.kept(by), 'le'))})"


def _quantiles(histogram: Family, labels: tuple[str, ...], text: str) -> tuple[Quantile, Quantile, Quantile]:
    """The median, the ninth decile and the last percentile."""
    half, most, nearly_all = (
        Quantile(help=text, labels=labels, histogram=histogram, quantile=quantile) for quantile in (0.5, 0.9, 0.99)
    )
    return half, most, nearly_all


_API = ("account", "api")
_ENDPOINT = ("account", "endpoint")
FAILED: Final = 'status=~"failure|error"'
REFUSED: Final = 'kind="rate_limited"'

SUCCESS_RATIO: Final = Ratio(
    help="Part of the finished requests that ended in Success.",
    labels=_API,
    operation="success_ratio",
    part=Samples(f.FINISHED, 'status="success"'),
    whole=Samples(f.FINISHED),
)
FAILURE_RATIO: Final = Ratio(
    help="Part of the finished requests that ended in FAILURE or ERROR.",
    labels=_API,
    operation="failure_ratio",
    part=Samples(f.FINISHED, FAILED),
    whole=Samples(f.FINISHED),
)
USEFUL_POLLS: Final = Ratio(
    help="Part of the polls that brought something new.",
    labels=_API,
    operation="useful_ratio",
    part=Samples(f.POLLS, 'outcome=~"advanced|finished"'),
    whole=Samples(f.POLLS),
)
CALL_ERROR_RATIO: Final = Ratio(
    help="Part of the calls that brought no usable answer, errors inside a 200 included.",
    labels=_ENDPOINT,
    operation="error_ratio",
    part=Samples(f.CALL_ERRORS),
    whole=Samples(f.CALLS),
)
RATE_LIMITED_RATIO: Final = Ratio(
    help="Part of the calls that LeadSquared refused because of its rate limit.",
    labels=_ENDPOINT,
    operation="rate_limited_ratio",
    part=Samples(f.CALL_ERRORS, REFUSED),
    whole=Samples(f.CALLS),
)
BUDGET_USED: Final = LevelRatio(
    help="Calls in the window now, as a part of those allowed to the exporter.",
    labels=("account", "window"),
    operation="ratio",
    part=Samples(f.LIMIT_USED),
    whole=Samples(f.LIMIT),
)
BUDGET_WAIT: Final = TimeShare(
    help="Part of the time in which a due poll had to wait for the budget.",
    labels=("account",),
    operation="ratio",
    seconds=Samples(f.WAITED),
)
DURATION: Final = _quantiles(f.DURATION, _API, "From submission to finish.")
DETECTION_WINDOW: Final = _quantiles(
    f.WINDOW, _API, "Between the last unfinished answer and the finished one: how late a finish was noticed at most."
)
CALL_DURATION: Final = _quantiles(f.CALL_DURATION, _ENDPOINT, "Time that calls to LeadSquared took.")
COMMIT_DURATION: Final = _quantiles(f.COMMIT, (), "Time that transactions of the store took.")

EXPRESSIONS: Final[tuple[Expression, ...]] = (
    SUCCESS_RATIO,
    FAILURE_RATIO,
    USEFUL_POLLS,
    CALL_ERROR_RATIO,
    RATE_LIMITED_RATIO,
    BUDGET_USED,
    BUDGET_WAIT,
    *DURATION,
    *DETECTION_WINDOW,
    *CALL_DURATION,
    *COMMIT_DURATION,
)
