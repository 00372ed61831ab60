"""How long requests last: a hazard table over age, learned from polls.

A poll never shows when a request finished, only that it did between the poll before and this one (interval censoring). The
table is the estimate of Turnbull (1976) by the EM algorithm, one step each time some more requests have finished: the E-step
spreads each finish over its window in proportion to the present density, and adds the time that it was at risk; finishes over
time at risk are the new hazards. Then they are smoothed (EMS, Silverman, Jones, Wilson & Nychka 1990): the likelihood says
nothing of how finishes lie within windows that always begin and end at the same ages, and the plain estimate would keep for
ever whatever shape it had there by accident. Smoothing moves cumulative hazard from bin to bin and never changes its sum, so
that no mode leaks into the gap behind it.
"""

from bisect import bisect_right
from itertools import accumulate
from math import exp, expm1, log1p
from operator import itemgetter, mul, neg, truediv

from exporter.core.learned.bins import BINS, FIRST_EDGE
from exporter.core.learned.trials import Count, Trials

# Finishes after which an observation has lost most (1 - 1/e) of its weight: long enough to tell 20 bins apart, short enough to
# follow a change of the remote side within minutes of traffic.
MEMORY = 600.0
# The prior: hazard 1/(2 age), under which a request that has lasted t lasts a part of t more. In each bin it is worth so many
# finishes, a quarter of one each time that the age doubles.
PRIOR_SLOPE = 0.5
PRIOR_FINISHES = 0.01
# The hazard of a bin is spread over its neighbours until these hold so many finishes, or the prior expects four times as many:
# where so many were at risk and none finished, none does.
SPREAD_FINISHES = 8.0
SPREAD_EXPECTED = 4.0
_SPREADING_STEPS = 7
# Then so often over the next neighbours, with weights 1/4, 1/2, 1/4: a standard deviation of 1.4 bins or 3.5 % of the age.
_SMOOTHINGS = 4
_LEAST_HAZARD = 1e-9
# A window to which the table gives less tells nothing of where in it the finish was.
_NOTHING = 1e-12
_FIRST, _LAST = itemgetter(0), itemgetter(1)

_PRIOR = [PRIOR_SLOPE / max(FIRST_EDGE, (BINS.edges[k] + BINS.edges[k + 1]) / 2) for k in range(BINS.size)]


class Survival:
    """Hazard h (1/s) and cumulative hazard H of the time from an origin to the finish; survival is exp(-H)."""

    def __init__(self, memory: float = MEMORY) -> None:
        self.finishes = 0.0
        self._trials = Trials(memory)
        self._since = 0
        # Replaced as a whole, never changed: tables that have learned nothing share theirs.
        self.hazards, self.cumulative = _PRIOR, _PRIOR_CUMULATIVE

    @property
    def untaught(self) -> bool:
        """It knows no more than all tables do from the start."""
        return self.hazards is _PRIOR

    def hazard(self, age: float) -> float:
        return self.hazards[BINS.of(age)]

    def at(self, age: float) -> tuple[float, float]:
        """H(age) and the hazard there."""
        k = int(BINS.place(age))
        hazard, beyond = self.hazards[k], age - BINS.edges[k]
        # Rounding may put an age just below the edge of its bin.
        return (self.cumulative[k] + beyond * hazard if beyond > 0 else self.cumulative[k]), hazard

    def integrated(self, age: float) -> float:
        """H(age)."""
        return self.at(age)[0]

    def unfinished(self, lower: float, upper: float) -> None:
        """A request stayed unfinished from age `lower` to age `upper`."""
        self._trials.add(lower, upper, found=False, finishes=self.finishes)

    def finished(self, lower: float, upper: float) -> None:
        """A request finished at an age in (lower, upper]."""
        self._trials.add(lower, upper, found=True, finishes=self.finishes)
        self.finishes += 1
        self._since += 1
        if self._since >= min(32.0, 4 + self.finishes / 8):
            self._learn()

    def mean(self, lower: float, upper: float) -> float:
        """The expected age at the finish, given that it lies in (lower, upper]."""
        first, last = BINS.of(lower), BINS.of(upper)
        total = -expm1(self.integrated(lower) - self.integrated(upper))
        if first == last or total <= _NOTHING:
            return (lower + upper) / 2
        edges, hazards = BINS.edges, self.hazards
        mean, low, weight = 0.0, lower, 1 / total
        for k in range(first, last + 1):
            high = edges[k + 1] if k < last else upper
            died = -expm1(hazards[k] * (low - high)) * weight
            mean += died * (low + high) / 2
            weight -= died
            low = high
        return mean

    def quantile(self, lower: float, upper: float, level: float) -> float:
        """The age below which the finish lies with probability `level`, given that it lies in (lower, upper]."""
        gathered = self.integrated(lower)
        total = -expm1(gathered - self.integrated(upper))
        if total <= _NOTHING:
            return lower + level * (upper - lower)
        if level * total >= 1:
            return upper
        gathered -= log1p(-level * total)
        k = min(bisect_right(self.cumulative, gathered), BINS.size) - 1
        return min(max(lower, BINS.edges[k] + (gathered - self.cumulative[k]) / self.hazards[k]), upper)

    def state(self) -> dict[str, list[float]]:
        """What has been learned, for `restore`: trials by edges of bins, and the hazards of the bins that they reach."""
        counts = self._trials.counts()
        return {
            "finishes": [self.finishes],
            "from": [float(first) for first, _, _, _ in counts],
            "to": [float(last) for _, last, _, _ in counts],
            "found": [round(found, 3) for _, _, found, _ in counts],
            "other": [round(other, 3) for _, _, _, other in counts],
            "hazards": [float(f"{hazard:.6g}") for hazard in self.hazards[: _reach(counts)]],
        }

    def restore(self, state: dict[str, list[float]]) -> None:
        """Raises KeyError, IndexError, TypeError or ValueError, and takes over nothing, when `state` is none of ours."""
        finishes = _amount(state["finishes"][0])
        first, last = ([int(_amount(k, BINS.size - 1)) for k in state[name]] for name in ("from", "to"))
        found, other = ([_amount(one) for one in state[name]] for name in ("found", "other"))
        counts = list(zip(first, last, found, other, strict=True))
        hazards = [max(_LEAST_HAZARD, _amount(one, 1e6)) for one in state["hazards"]]
        if any(first > last for first, last, _, _ in counts) or len(hazards) != _reach(counts):
            raise ValueError("no trials of polls")
        self.finishes = finishes
        self._trials.restore(counts, finishes)
        self._take(hazards)

    def _learn(self) -> None:
        self._since = 0
        counts = self._trials.counts()
        events, exposure = _expected(self.hazards, counts, _reach(counts))
        self._take(_smooth(_spread(events, exposure)))

    def _take(self, hazards: list[float]) -> None:
        """Hazards of the first bins, the prior beyond."""
        self.hazards = [*hazards, *_PRIOR[len(hazards) :]] if hazards else _PRIOR
        self.cumulative = _cumulative(self.hazards)


def _expected(hazards: list[float], counts: list[Count], reach: int) -> tuple[list[float], list[float]]:
    """The E-step, for the first `reach` bins: expected finishes in each, and expected seconds at risk.

    A finish in (l, u] lies in a bin with the bin's part of S(l) - S(u), and was at risk at t with probability
    (S(t) - S(u)) / (S(l) - S(u)). Both are sums over windows of what differs by window only, times what differs by bin only, so
    that one pass over windows and one over bins do: running sums of the numbers that begin and end at each edge.
    """
    gathered = [0.0, *accumulate(map(mul, hazards[:reach], BINS.widths))]
    left = list(map(exp, map(neg, gathered)))
    parts, tails, others = [0.0] * (reach + 1), [0.0] * (reach + 1), [0.0] * (reach + 1)
    events, exposure = [0.0] * reach, [0.0] * reach
    for first, last, found, other in counts:
        if first == last:
            events[first] += found
            exposure[first] += other
            continue
        others[first] += other
        others[last] -= other
        if found:
            part = found / (left[first] * -expm1(gathered[first] - gathered[last]))
            parts[first] += part
            parts[last] -= part
            tails[first] += part * left[last]
            tails[last] -= part * left[last]
    widths, here = BINS.widths, left[0]
    running = zip(accumulate(parts), accumulate(tails), accumulate(others), strict=True)
    for k, (part, tail, other) in zip(range(reach), running, strict=False):
        beyond = left[k + 1]
        found, at_risk = part * (here - beyond), part * (here + beyond) / 2 - tail
        # Differences of what was added up may fall below 0.
        events[k] += found if found > 0 else 0.0
        exposure[k] += widths[k] * ((at_risk if at_risk > 0 else 0.0) + (other if other > 0 else 0.0))
        here = beyond
    return events, exposure


def _spread(events: list[float], exposure: list[float]) -> list[float]:
    """The M-step, and the first smoothing: each bin gives what it adds to the cumulative hazard to as many neighbours as it
    takes to know something. Returns what each bin adds then."""
    finishes, at_risk = [0.0, *accumulate(events)], [0.0, *accumulate(exposure)]
    needed = min(SPREAD_FINISHES, max(2.0, finishes[-1] / 25))
    edges, rises = BINS.edges, [0.0] * (len(events) + 1)
    for k, (ended, seconds) in enumerate(zip(events, exposure, strict=True)):
        prior = _PRIOR[k]
        low, high = _neighbours(finishes, at_risk, k, needed, SPREAD_EXPECTED * needed / prior)
        hazard = (ended + PRIOR_FINISHES) / (seconds + PRIOR_FINISHES / prior)
        rise = hazard * BINS.widths[k] / (edges[high] - edges[low])
        rises[low] += rise
        rises[high] -= rise
    return list(map(mul, accumulate(rises[:-1]), BINS.widths))


def _smooth(steps: list[float]) -> list[float]:
    """The second smoothing, of what each bin adds to the cumulative hazard. Returns hazards."""
    for _ in range(_SMOOTHINGS):
        around = zip([steps[0], *steps[:-1]], steps, [*steps[1:], steps[-1]], strict=True)
        steps = [(before + 2 * one + after) / 4 for before, one, after in around]
    hazards = map(truediv, steps, BINS.widths)
    return [hazard if hazard > _LEAST_HAZARD else _LEAST_HAZARD for hazard in hazards]


def _neighbours(events: list[float], exposure: list[float], k: int, needed: float, enough: float) -> tuple[int, int]:
    """The bins [low, high) around bin `k` that hold `needed` finishes, or `enough` seconds at risk to know that there are
    few, as few of them as possible; not without end. Both columns are running sums."""
    low, high, step, size = k, k + 1, 1, len(events) - 1
    for attempt in range(_SPREADING_STEPS):
        if events[high] - events[low] >= needed or exposure[high] - exposure[low] >= enough:
            break
        low, high = low - step if low > step else 0, high + step if high + step < size else size
        if attempt >= 2:
            step *= 2
    return low, high


def _reach(counts: list[Count]) -> int:
    """How many bins, from the first, the trials tell of."""
    if not counts:
        return 0
    # No count begins beyond its end, so the two are the same only where the last window is a single bin.
    first: int = max(map(_FIRST, counts))
    last: int = max(map(_LAST, counts))
    return last + (first == last)


def _cumulative(hazards: list[float]) -> list[float]:
    return [0.0, *accumulate(map(mul, hazards, BINS.widths))]


def _amount(number: float, most: float = 1e15) -> float:
    """A stored number that can be one of ours: a hazard learned from another would never be polled, or always."""
    if not 0 <= number <= most:
        raise ValueError(f"{number!r} is not between 0 and {most:g}")
    return float(number)


_PRIOR_CUMULATIVE = _cumulative(_PRIOR)
