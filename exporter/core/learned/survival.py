"""How long requests last: a hazard table over age, learned from polls.

A poll never shows when a request finished, only that it did between the poll before and this one (interval censoring,
Turnbull 1976). A finish is therefore spread over its window in proportion to the density that the table gives it now, and
every window adds the time at risk that it surely or probably held: the E-step of an EM algorithm, taken once a finish, as a
stochastic approximation with a memory of some hundred finishes.
"""

from array import array
from collections.abc import Sequence
from math import expm1, log, nan

# Finishes after which an observation has lost most (1 - 1/e) of its weight: long enough to tell 20 bins apart, short enough to
# follow a change of the remote side within minutes of traffic.
MEMORY = 600.0
FIRST_EDGE = 0.25
RATIO = 1.05
LAST_EDGE = 3 * 86400.0
# The prior: hazard 1/(2 age), under which a request that has lasted t lasts a part of t more. It is worth a third of a finish.
PRIOR_SLOPE = 0.5
PRIOR_FINISHES = 0.3
# Neighbouring bins are pooled until they hold this many finishes, or the prior expects four times as many: where so many were
# at risk and none finished, none does, and a mode at a later age must not be smeared over the ages before it.
POOLED_FINISHES = 8.0
POOLED_EXPECTED = 4.0
_POOLING_STEPS = 7
_RESCALE = 1e6


# A window of ages in pieces: (bin, from, to, probability that the finish lies in it).
Parts = list[tuple[int, float, float, float]]


class Bins:
    """Ages in bins [0, 0.25), [0.25, 0.2625) … whose edges grow by 5 % up to three days; the last one is open."""

    def __init__(self) -> None:
        self._log_ratio = log(RATIO)
        self.size = int(log(LAST_EDGE / FIRST_EDGE) / self._log_ratio) + 2
        self.edges = [0.0] + [FIRST_EDGE * RATIO**k for k in range(self.size)]

    def of(self, age: float) -> int:
        """The bin of an age in seconds."""
        if age < FIRST_EDGE:
            return 0
        k = int(log(age / FIRST_EDGE) / self._log_ratio) + 1
        return k if k < self.size else self.size - 1


BINS = Bins()


class Survival:
    """Hazard h (1/s) and cumulative hazard H of the time from an origin to the finish; survival is exp(-H)."""

    def __init__(self, memory: float = MEMORY) -> None:
        size = BINS.size
        self.finishes = 0.0
        self._memory = memory
        self._weight = 1.0
        self._since = 0
        self._events = array("d", bytes(8 * size))
        self._exposure = array("d", bytes(8 * size))
        # Whole bins passed, as differences: a window over a hundred bins costs two additions.
        self._passed = array("d", bytes(8 * (size + 1)))
        self._cut: tuple[float, float, Parts] = nan, nan, []
        self.hazards = [0.0] * size
        self.cumulative = [0.0] * (size + 1)
        self._rebuild()

    def hazard(self, age: float) -> float:
        return self.hazards[BINS.of(age)]

    def at(self, age: float) -> tuple[float, float]:
        """H(age) and the hazard there."""
        k = BINS.of(age)
        hazard, beyond = self.hazards[k], age - BINS.edges[k]
        # Rounding may put an age just below the edge of its bin.
        return (self.cumulative[k] + beyond * hazard if beyond > 0 else self.cumulative[k]), hazard

    def integrated(self, age: float) -> float:
        """H(age)."""
        return self.at(age)[0]

    def unfinished(self, lower: float, upper: float) -> None:
        """A request stayed unfinished from age `lower` to age `upper`: exposure, no finish."""
        first, last, weight = BINS.of(lower), BINS.of(upper), self._weight
        if first == last:
            self._exposure[first] += weight * (upper - lower)
            return
        self._exposure[first] += weight * (BINS.edges[first + 1] - lower)
        self._exposure[last] += weight * (upper - BINS.edges[last])
        self._passed[first + 1] += weight
        self._passed[last] -= weight

    def finished(self, lower: float, upper: float) -> None:
        """A request finished at an age in (lower, upper]."""
        self._spread(lower, upper)
        self.finishes += 1
        self._since += 1
        self._weight *= 1 + 1 / self._memory
        if self._weight > _RESCALE:
            self._rescale()
        if self._since >= min(32.0, 4 + self.finishes / 8):
            self._rebuild()

    def mean(self, lower: float, upper: float) -> float:
        """The expected age at the finish, given that it lies in (lower, upper]."""
        parts = self._parts(lower, upper)
        return sum(p * (low + high) / 2 for _, low, high, p in parts)

    def quantile(self, lower: float, upper: float, level: float) -> float:
        """The age below which the finish lies with probability `level`, given that it lies in (lower, upper]."""
        left = level
        for _, low, high, p in self._parts(lower, upper):
            if left <= p and p > 0:
                return low + (high - low) * left / p
            left -= p
        return upper

    def state(self) -> dict[str, list[float]]:
        """What has been learned, for `restore`: finishes and seconds at risk of the bins that have any."""
        exposure = self._exposures()
        used = [k for k in range(BINS.size) if exposure[k] > 0 or self._events[k] > 0]
        scale = 1 / self._weight
        return {
            "finishes": [self.finishes],
            "bins": [float(k) for k in used],
            "events": [round(self._events[k] * scale, 6) for k in used],
            "exposure": [round(exposure[k] * scale, 3) for k in used],
        }

    def restore(self, state: dict[str, list[float]]) -> None:
        """Raises KeyError, IndexError, TypeError or ValueError, and takes over nothing, when `state` is none of ours."""
        finishes = _amount(state["finishes"][0])
        bins = [int(_amount(k, BINS.size - 1)) for k in state["bins"]]
        events, exposure = ([_amount(one) for one in state[name]] for name in ("events", "exposure"))
        found = list(zip(bins, events, exposure, strict=True))
        self.finishes = finishes
        for k, ended, at_risk in found:
            self._events[k], self._exposure[k] = ended, at_risk
        self._rebuild()

    def _parts(self, lower: float, upper: float) -> Parts:
        """The window cut at the edges of bins, as (bin, from, to, probability). One finish asks for its window twice: how
        late it was noticed, and what it teaches."""
        if self._cut[:2] != (lower, upper):
            self._cut = lower, upper, self._divide(lower, upper)
        return self._cut[2]

    def _divide(self, lower: float, upper: float) -> Parts:
        first, last = BINS.of(lower), BINS.of(upper)
        total = -expm1(self.integrated(lower) - self.integrated(upper))
        if first == last or total <= 1e-12:
            return self._flat(lower, upper, first, last)
        parts, low, weight = [], lower, 1 / total
        edges, hazards = BINS.edges, self.hazards
        for k in range(first, last + 1):
            high = edges[k + 1] if k < last else upper
            died = -expm1(hazards[k] * (low - high)) * weight
            parts.append((k, low, high, died))
            weight -= died
            low = high
        return parts

    def _flat(self, lower: float, upper: float, first: int, last: int) -> Parts:
        width = max(upper - lower, 1e-9)
        edges = [lower, *BINS.edges[first + 1 : last + 1], upper]
        return [(first + i, edges[i], edges[i + 1], (edges[i + 1] - edges[i]) / width) for i in range(len(edges) - 1)]

    def _spread(self, lower: float, upper: float) -> None:
        weight = remaining = self._weight
        events, exposure = self._events, self._exposure
        for k, low, high, p in self._parts(lower, upper):
            finished = weight * p
            events[k] += finished
            exposure[k] += (high - low) * (remaining - finished / 2)
            remaining -= finished

    def _exposures(self) -> list[float]:
        passed, found, edges = 0.0, [], BINS.edges
        for k in range(BINS.size):
            passed += self._passed[k]
            found.append(self._exposure[k] + passed * (edges[k + 1] - edges[k]))
        return found

    def _rescale(self) -> None:
        for column in (self._events, self._exposure, self._passed):
            for k in range(len(column)):
                column[k] /= self._weight
        self._weight = 1.0

    def _rebuild(self) -> None:
        """The M-step: finishes over seconds at risk, pooled over as many neighbours as it takes to know something."""
        self._since = 0
        self._cut = nan, nan, []
        scale = 1 / self._weight
        events = _running(self._events, scale)
        exposure = _running(self._exposures(), scale)
        needed = min(POOLED_FINISHES, max(2.0, events[-1] / 25))
        total = 0.0
        for k in range(BINS.size):
            prior = PRIOR_SLOPE / max(FIRST_EDGE, (BINS.edges[k] + BINS.edges[k + 1]) / 2)
            low, high = _pool(events, exposure, k, needed, POOLED_EXPECTED * needed / prior)
            at_risk = exposure[high] - exposure[low] + PRIOR_FINISHES / prior
            hazard = (events[high] - events[low] + PRIOR_FINISHES) / at_risk
            self.hazards[k] = hazard
            self.cumulative[k] = total
            total += hazard * (BINS.edges[k + 1] - BINS.edges[k])
        self.cumulative[BINS.size] = total


def _amount(number: float, most: float = 1e15) -> float:
    """A stored number that can be one of ours: a hazard learned from another would never be polled, or always."""
    if not 0 <= number <= most:
        raise ValueError(f"{number!r} is not between 0 and {most:g}")
    return float(number)


def _running(values: Sequence[float], scale: float) -> list[float]:
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value * scale)
    return sums


def _pool(events: Sequence[float], exposure: Sequence[float], k: int, needed: float, enough: float) -> tuple[int, int]:
    """The bins [low, high) around bin `k` that hold `needed` finishes, or `enough` seconds at risk to know that there are
    few, as few of them as possible; not without end. Both columns are running sums."""
    low, high, step, size = k, k + 1, 1, len(events) - 1
    for attempt in range(_POOLING_STEPS):
        if events[high] - events[low] >= needed or exposure[high] - exposure[low] >= enough:
            break
        low, high = max(0, low - step), min(size, high + step)
        if attempt >= 2:
            step *= 2
    return low, high
