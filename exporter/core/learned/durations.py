"""How long the requests of one API last, and what a poll is worth by their age."""

from collections.abc import Mapping, Sequence
from math import exp, expm1, inf, log
from typing import Any

from exporter.core.learned.bids import Bids
from exporter.core.learned.checks import Bound, Checks
from exporter.core.learned.promise import Promise
from exporter.core.learned.roster import Peers, Roster
from exporter.core.learned.survival import Survival
from exporter.core.learned.value import value

# Nobody is asked twice within this time.
SHORTEST_GAP = 0.15
_GOLDEN = 0.6180339887498949
# At light load, where a planned age is met to the second, prices differ by up to this factor from poll to poll: who is always
# asked at the same ages never learns what happens between them.
_DITHER = log(2.0)
_MOST_DITHER = exp(_DITHER / 2)
# Times since the epoch are exact to 1e-7 s.
_ROUNDING = 1e-6


class Durations:
    """Tables of what has been learned, and plans of when to poll, by what a request is compared with."""

    def __init__(self, roster: Roster, promise: Promise) -> None:
        self._roster = roster
        self._promise = promise
        self.fresh, self.erring, self.undated = Survival(), Survival(), Survival()
        fresh, erring, undated = (Checks(one) for one in (self.fresh, self.erring, self.undated))
        self._plans = fresh, erring, undated
        # By `Peers`.
        self._tables = self.fresh, self.erring, self.undated, self.fresh
        self._checks = fresh, erring, undated, fresh
        self._bids = Bids(self._bid)

    def best(self, slots: Sequence[int], now: float, most: float, *, calm: bool) -> tuple[int | None, float]:
        """Who of them is worth most, and how much that is; None where nobody is worth more than `most`."""
        if not slots:
            return None, most
        bounds, slack = self._bids.bounds(slots, now), _MOST_DITHER if calm else 1.0
        best, since = None, self._roster.since
        # Who may be worth most is valued first, so that only those are that may be worth more.
        leader = slots[bounds.index(max(bounds))]
        for slot, bound in ((leader, inf), *zip(slots, bounds, strict=True)):
            if bound * slack <= most or (slot == leader and bound < inf) or now - since(slot) < SHORTEST_GAP:
                continue
            worth = self.worth(slot, now, calm=calm)
            if worth > most:
                best, most = slot, worth
        return best, most

    def worth(self, slot: int, now: float, *, calm: bool) -> float:
        """What a poll of it is worth, in seconds of delay."""
        roster = self._roster
        worth = self._checks[roster.peers[slot]].worth(roster.seen_age(slot), roster.age(slot, now))
        return worth * self._dither(slot) if calm else worth

    def wait(self, slot: int, now: float, worth: float) -> float:
        """Seconds until a poll will be worth so much; it need not be met exactly, where requests wait for hours."""
        roster = self._roster
        due = self._checks[roster.peers[slot]].due(roster.seen_age(slot), worth / self._dither(slot))
        due = min(roster.clock[slot] + due, self.patient_until(slot))
        return max(due - now, 0.02 * (now - roster.since(slot)))

    def patient_until(self, slot: int) -> float:
        """When a request that has outlasted most others is to be asked, whatever the tables say: they know little of it."""
        roster = self._roster
        outlasted, age = self._checks[roster.peers[slot]].outlasted, roster.seen_age(slot)
        start = age if age > outlasted else outlasted
        return roster.clock[slot] + start + self._promise.patience(start)

    def overdue(self, slots: Sequence[int], now: float) -> int | None:
        """Who of them should have been asked first, by `patient_until`; None where nobody should yet."""
        first = min(slots, key=self.patient_until, default=None)
        return None if first is None or self.patient_until(first) > now else first

    def price(self, delay: float, lasting: float) -> float:
        """The price at which a finish is noticed about `delay` seconds late on average, where requests last `lasting` seconds."""
        checks, hazard = self._checks[Peers.FRESH], 1 / max(lasting, delay)
        # What is known of long durations comes last, and until then a plan makes many polls for them: no more than where the
        # hazard does not change.
        return min(checks.prices[-1], max(checks.price(delay), value(2 * delay * hazard, hazard)))

    def polls(self, price: float) -> float:
        """Those that a request takes on average at this price."""
        return self._checks[Peers.FRESH].polls(price)

    def left(self, slot: int) -> None:
        """The request can't be picked at present."""
        self._bids.drop(slot)

    def expected(self, slot: int, now: float) -> float:
        """The probability with which a poll now was expected to show a finish."""
        table, seen = self._table(slot), self._roster.seen_age(slot)
        known = table.integrated(seen) if seen > 0 else 0.0
        return -expm1(known - table.integrated(max(seen, self._roster.age(slot, now))))

    def delay(self, slot: int, now: float) -> float:
        """How late a finish is noticed now."""
        age = self._roster.age(slot, now)
        # A clock that was set back may show an age below that at the last poll.
        return age - self._table(slot).mean(min(age, self._roster.seen_age(slot)), age)

    def place(self, slot: int, lower: float, upper: float, level: float) -> float:
        """The time of a finish in (lower, upper] that is the earlier one with probability `level`."""
        clock = self._roster.clock[slot]
        drawn = clock + self._table(slot).quantile(max(0.0, lower - clock), max(1e-6, upper - clock), level)
        # Clocks differ, and times since the epoch are rounded.
        return min(max(lower, drawn), upper)

    def learn(self, slot: int, now: float, *, finished: bool) -> None:
        """What a poll now has shown."""
        table = self._table(slot)
        lower, upper = self._roster.seen_age(slot), self._roster.age(slot, now)
        if not finished:
            if upper > lower:
                table.unfinished(lower, upper)
            return
        hazards = table.hazards
        table.finished(min(lower, upper), upper)
        planned = self._checks[self._roster.peers[slot]].learned()
        if planned or table.hazards is not hazards:
            self._bids.clear()

    def state(self) -> dict[str, Any]:
        return {"fresh": self.fresh.state(), "erring": self.erring.state(), "undated": self.undated.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises KeyError, IndexError, TypeError, ValueError or OverflowError where something is none of ours."""
        try:
            for name, table in (("fresh", self.fresh), ("erring", self.erring), ("undated", self.undated)):
                table.restore(state[name])
        finally:
            for checks in self._plans:
                checks.plan()
            self._bids.clear()

    def _table(self, slot: int) -> Survival:
        return self._tables[self._roster.peers[slot]]

    def _bid(self, slot: int, now: float) -> Bound:
        """But for the dither."""
        roster = self._roster
        until, then, growth, least = self._checks[roster.peers[slot]].bound(
            roster.seen_age(slot), roster.age(slot, now)
        )
        return Bound(roster.clock[slot] + until - _ROUNDING, then, growth, least)

    def _dither(self, slot: int) -> float:
        """A factor that is spread evenly (golden ratio sequence), in its logarithm, over the polls of all requests."""
        return exp(_DITHER * (self._roster.since(slot) * _GOLDEN % 1.0 - 0.5))
