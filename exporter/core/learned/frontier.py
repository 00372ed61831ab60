"""How far the remote queue has come, where it works in the order of submission.

A request with order number s has finished once the frontier F(t), in order numbers, has passed s + w e, where e is standard
normal and w the disorder of the queue (parallel workers, jumbled submissions). A poll tells on which side the frontier is, as
a probit observation. The belief about F and its speed is a Gaussian with the dynamics of a Poisson server, updated by moment
matching (assumed density filtering: Minka 2001, as in TrueSkill, Herbrich et al. 2006). The disorder is not known: seven
filters with widths from 0.5 to 160 run side by side and the one that has predicted best speaks.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from math import erfc, exp, log, pi, sqrt
from operator import attrgetter

WIDTHS = (0.5, 1.5, 4.0, 10.0, 25.0, 64.0, 160.0)
# A part of all answers that no queue explains: without it one stray request would throw the frontier far off.
STRAY = 0.03
_ROOT_2 = sqrt(2.0)
_ROOT_2_PI = sqrt(2 * pi)
_FAR = 6.0
_NEVER = -7.0
_FORGETTING = 0.02
# As many answers that contradict the belief, and the queue has jumped.
_CONTRADICTIONS = 6
_HALVINGS = 24
# A window to which the belief gives less tells nothing of where in it the finish was.
_NOTHING = 1e-9
_MOST = 1e9
_EVIDENCE = attrgetter("evidence")
# What the belief gave to an answer that had to be: it tells nothing.
_AS_EXPECTED = log(1 - STRAY / 2)


def below(z: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * erfc(-z / _ROOT_2)


def density(z: float) -> float:
    return exp(-z * z / 2) / _ROOT_2_PI


def gathered(z: float) -> float:
    """Cumulative hazard -log(1 - below(z))."""
    if z < _FAR:
        return -log(0.5 * erfc(z / _ROOT_2))
    return z * z / 2 + log(z * _ROOT_2_PI) + 1 / (z * z)


def slope(z: float) -> float:
    """Hazard density(z) / (1 - below(z)), the derivative of `gathered`."""
    if z < _FAR:
        return density(z) / (0.5 * erfc(z / _ROOT_2))
    return z + 1 / z


class Filter:
    """A Gaussian belief about (position, speed) of the frontier, for one width of disorder."""

    __slots__ = ("at", "disorder", "evidence", "position", "speed", "var", "var_cross", "var_speed", "width")

    def __init__(self, width: float, position: float, now: float) -> None:
        self.width = width
        self.disorder = width**2
        self.at = now
        self.evidence = 0.0
        self.position = position
        self.speed = 1.0
        self.unsettle(position, 4.0)

    def unsettle(self, position: float, extra: float) -> None:
        """Believe little: the frontier is somewhere around `position`."""
        self.position = position
        self.var = (4 * self.width) ** 2 + extra
        self.var_cross = 0.0
        self.var_speed = self.speed * self.speed

    def advance(self, now: float, newest: float) -> None:
        """Let time pass; the frontier can't be beyond what was submitted."""
        elapsed = now - self.at
        if elapsed <= 0:
            return
        self.at = now
        speed, cross, var_speed = self.speed, self.var_cross, self.var_speed
        moved = speed * elapsed
        position = self.position + moved
        self.position = position if position < newest else newest
        self.var += (2 * cross + var_speed * elapsed) * elapsed + moved + 1e-3
        self.var_cross = cross + var_speed * elapsed
        drift = 0.05 * speed + 0.01
        unsure, most = var_speed + drift * drift * elapsed, 4 * speed * speed + 1
        self.var_speed = unsure if unsure < most else most

    def spread(self, now: float) -> float:
        """Standard deviation of frontier and disorder together, at `now`."""
        # Answers come out of order: one may be about a time before the last.
        elapsed = now - self.at
        if elapsed <= 0:
            return sqrt(self.var + self.disorder)
        moved = (2 * self.var_cross + self.var_speed * elapsed + self.speed) * elapsed
        return sqrt(self.var + moved + self.disorder)

    def learn(self, order: float, *, finished: bool, since: float | None) -> float:
        """An answer about the request with this order number, last seen unfinished `since` seconds ago (None: never
        asked about). Returns the log of the probability that the belief gave it."""
        spread = sqrt(self.var + self.disorder)
        z = (self.position - order) / spread
        if z < -_FAR and not finished:
            return _AS_EXPECTED
        before = None if since is None else z - self.speed * since / spread
        if before is not None and before < _NEVER:
            before = None
        likelihood, gradient, curvature = _finished(z, before) if finished else _unfinished(z, before)
        explained = (1 - STRAY) * likelihood
        mixed = explained + STRAY / 2
        share = explained / mixed
        if share > 1e-6:
            self._move(gradient / spread * share, curvature / (spread * spread) * share if curvature > 0 else 0.0)
        return log(mixed)

    def pull(self, speed: float, deviation: float) -> None:
        """A measurement of the speed from elsewhere, with its standard deviation."""
        gain = self.var_speed + deviation**2
        wrong = speed - self.speed
        self.position += self.var_cross / gain * wrong
        self.speed = max(1e-3, self.speed + self.var_speed / gain * wrong)
        self.var -= self.var_cross**2 / gain
        self.var_cross -= self.var_cross * self.var_speed / gain
        self.var_speed -= self.var_speed**2 / gain

    def _move(self, gradient: float, curvature: float) -> None:
        var, cross = self.var, self.var_cross
        self.position += var * gradient
        speed, left = self.speed + cross * gradient, var - var * var * curvature
        self.speed = speed if speed > 1e-3 else 1e-3
        self.var = left if left > 1e-4 else 1e-4
        self.var_cross = cross - var * cross * curvature
        left = self.var_speed - cross * cross * curvature
        self.var_speed = left if left > 1e-6 else 1e-6


def _finished(z: float, before: float | None) -> tuple[float, float, float]:
    """Probability, first and minus second derivative of its log, of a finish while the frontier went from `before` to z."""
    if before is None:
        p = 0.5 * erfc(-z / _ROOT_2)
        steep = exp(-z * z / 2) / _ROOT_2_PI / p if z > -_FAR else slope(-z)
        return p, steep, steep * (steep + z)
    p = 0.5 * erfc(-z / _ROOT_2) - 0.5 * erfc(-before / _ROOT_2)
    if p < 1e-12:
        return 1e-12, 0.0, 0.0
    left, right = exp(-before * before / 2) / _ROOT_2_PI, exp(-z * z / 2) / _ROOT_2_PI
    steep = (right - left) / p
    return p, steep, (z * right - before * left) / p + steep * steep


def _unfinished(z: float, before: float | None) -> tuple[float, float, float]:
    total, steep = _hazards(z)
    if before is None:
        return exp(-total), -steep, steep * (steep - z)
    past, gone = _hazards(before)
    return exp(past - total), gone - steep, steep * (steep - z) - gone * (gone - before)


def _hazards(z: float) -> tuple[float, float]:
    """`gathered` and `slope`, which have the better part of their arithmetic in common."""
    if z < _FAR:
        left = 0.5 * erfc(z / _ROOT_2)
        return -log(left), exp(-z * z / 2) / _ROOT_2_PI / left
    return gathered(z), slope(z)


class Frontier:
    """Seven filters, and which of them to believe."""

    def __init__(self, order: float, now: float) -> None:
        self.newest = order + 1
        self.filters = [Filter(width, order, now) for width in WIDTHS]
        self.best = self.filters[1]
        # The moment, and where the frontier is then: all requests that a pick compares are placed at one.
        self._sighted: tuple[float, float, float, float] | None = None
        self._contradictions = 0.0
        self._finished: deque[float] = deque(maxlen=8)

    def submitted(self, order: float) -> None:
        self.newest = max(self.newest, order + 1)
        self._sighted = None

    def place(self, order: float, now: float) -> float:
        """Where the frontier stands relative to a request, in standard deviations; positive when it has passed."""
        _, position, spread, _ = self._sight(now)
        return (position - order) / spread

    def hazard(self, order: float, now: float, *, since: float | None) -> tuple[float, float]:
        """Cumulative hazard that a request gathered in the `since` seconds after it was last seen unfinished (None:
        ever), and its hazard now in 1/s."""
        _, position, spread, pace = self._sight(now)
        z = (position - order) / spread
        total, steep = _hazards(z)
        if since is not None:
            total = max(0.0, total - gathered(z - pace * since))
        return total, steep * pace

    def pace(self, now: float) -> float:
        """How fast `place` grows, in 1/s."""
        return self._sight(now)[3]

    def delay(self, order: float, now: float, *, since: float | None) -> float:
        """Expected seconds since the finish of a request that has just been found finished."""
        pace, high, low = self._window(order, now, since)
        total = below(high) - below(low)
        width = high - low
        if total < _NOTHING:
            return width / 2 / pace
        # E[high - z] is the integral of the distribution function over the window.
        steps, begun, inside = 10, below(low), 0.0
        for k in range(steps):
            inside += 0.5 * erfc(-(low + (k + 0.5) * width / steps) / _ROOT_2) - begun
        return inside * width / steps / total / pace

    def quantile(self, order: float, now: float, *, since: float | None, level: float) -> float:
        """Seconds since the finish of a request found finished now, exceeded with probability `level`."""
        pace, high, low = self._window(order, now, since)
        total = below(high) - below(low)
        if total < _NOTHING:
            return (1 - level) * (high - low) / pace
        wanted = below(low) + level * total
        left, right = low, high
        for _ in range(_HALVINGS):
            middle = (left + right) / 2
            if 0.5 * erfc(-middle / _ROOT_2) < wanted:
                left = middle
            else:
                right = middle
        return (high - left) / pace

    def _sight(self, now: float) -> tuple[float, float, float, float]:
        """A moment, the position of the frontier then, its spread, and how fast it passes as much."""
        if self._sighted is None or self._sighted[0] != now:
            best = self.best
            speed, spread = best.speed, best.spread(now)
            position = best.position + speed * (now - best.at)
            if position > self.newest:
                position = self.newest
            self._sighted = now, position, spread, (speed if speed > 0.01 else 0.01) / spread
        return self._sighted

    def _window(self, order: float, now: float, since: float | None) -> tuple[float, float, float]:
        """How fast `place` grows, its value now, and when the request was last seen unfinished; not too far in the tail."""
        pace, high = self.pace(now), self.place(order, now)
        low = min(-9.0, high - 1.0) if since is None else high - pace * since
        return pace, high, max(low, min(-4.0, high - 1.0))

    def learn(self, order: float, now: float, *, finished: bool, since: float | None) -> None:
        for one in self.filters:
            one.advance(now, self.newest)
        self._notice(order, finished=finished)
        scores = [one.learn(order, finished=finished, since=since) for one in self.filters]
        top = max(scores)
        # An answer that all predicted alike tells nothing of who is right, and makes none forget.
        kept = 1 - _FORGETTING * min(1.0, (top - min(scores)) * 20)
        for one, score in zip(self.filters, scores, strict=True):
            one.evidence = one.evidence * kept + score - top
        self._believe()

    def pull(self, speed: float, deviation: float, now: float) -> None:
        """A measurement of the speed from elsewhere, in requests/s."""
        for one in self.filters:
            one.advance(now, self.newest)
            one.pull(speed, deviation)
        self._sighted = None

    def state(self) -> dict[str, list[float]]:
        """What outlives a restart: how fast the queue is, and how disorderly. Where it is shows by the pending requests."""
        return {"speed": [self.best.speed], "evidence": [round(one.evidence, 3) for one in self.filters]}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Raises KeyError, IndexError, TypeError or ValueError when `state` is none of ours."""
        speed, scores = state["speed"][0], state["evidence"]
        if not 0 < speed <= _MOST or not all(abs(one) <= _MOST for one in scores):
            raise ValueError("not what a frontier has stored")
        for one, evidence in list(zip(self.filters, scores, strict=True)):
            one.speed, one.evidence = float(speed), float(evidence)
        self._believe()

    def _believe(self) -> None:
        self.best = max(self.filters, key=_EVIDENCE)
        self._sighted = None

    def _notice(self, order: float, *, finished: bool) -> None:
        """A queue that jumped is found again at the median of the last finishes."""
        z = (self.best.position - order) / sqrt(self.best.var + self.best.disorder)
        if finished:
            self._finished.append(order)
        if abs(z) <= _FAR:
            self._contradictions = max(0.0, self._contradictions - 0.2)
            return
        self._contradictions += finished == (z < 0)
        if self._contradictions >= _CONTRADICTIONS and finished:
            self._contradictions = 0.0
            median = sorted(self._finished)[len(self._finished) // 2]
            for one in self.filters:
                one.unsettle(median, 64.0)
