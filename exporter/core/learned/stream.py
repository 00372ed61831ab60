"""The unfinished requests of one API: whom to ask about, and what the answers teach."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf, log
from random import Random
from typing import Any

from exporter.core.learned.draws import Draws
from exporter.core.learned.durations import Durations
from exporter.core.learned.load import Load
from exporter.core.learned.order import Order
from exporter.core.learned.pick import Circumstances, Kind, Pick
from exporter.core.learned.pool import Pool
from exporter.core.learned.probes import SHARE, SHARE_IN_TURN
from exporter.core.learned.promise import EFFORTS, SAVING, Effort, Promise
from exporter.core.learned.quota import Quota
from exporter.core.learned.roster import Roster
from exporter.core.learned.selector import Selector, View
from exporter.core.learned.thrift import Thrift
from exporter.core.learned.value import value
from exporter.core.schedule import Undetected, Unfinished

# It is not looked again within this time whether somebody is worth asking.
_SHORTEST_WAIT = 0.05
# From this share of the polls on the order tells when a request finished: where all views ask the next ones in order, the order has
# no larger one.
PLACED_SHARE = 0.25
# Requests are few that can all be asked within this time.
FEW_SECONDS = 60.0
_GOLDEN = 0.6180339887498949
# At light load, this part at least of the polls that a request may take is made, whatever the models say.
_LEAST_PART = 0.1
# Polls a request that the budget has to give beyond those wanted before any are saved, and the part of those wanted that may be
# missing for a moment: where the budget is short a price changes little, because all who are asked are worth more.
_MARGIN, _LULL = 0.2, -0.0
# Where the order decides at light load, a request is asked by its age too, at so many times the price: about half as often.
_NET = 5.0
# Polls that a request takes where its order is known.
_POLLS_IN_ORDER = 2.0
# The hazard gathered when so many are enough: waiting for longer would save next to nothing.
_IN_ORDER = -log(1 - 1 / _POLLS_IN_ORDER)
# What a poll in turn is worth at least, in seconds.
_LITTLE = 1e-9
# An enumeration takes longer to look a member up than to compare it.
_PROBE, _AHEAD, _STALE, _CHOSEN = Kind.PROBE, Kind.AHEAD, Kind.STALE, Kind.CHOSEN
_TURN, _ORDER = View.TURN, View.ORDER


class Stream:
    """Puts the models together. All times are seconds since the epoch."""

    def __init__(self, random: Random, effort: Effort = EFFORTS["high"]) -> None:
        self.selector = Selector()
        self.quota = Quota()
        # Every poll has a price.
        self.saving = False
        # Light load: there are more polls than are wanted at this price.
        self.calm = False
        self._thrift = Thrift()
        self.promise = Promise(effort)
        self._load = Load()
        self._roster = Roster()
        self._pool = Pool(self._roster, random)
        self._draws = Draws(self._roster, self._pool)
        self.durations = Durations(self._roster, self.promise)
        self.order = Order(self._roster, self._load)
        self._under_way: dict[int, Pick] = {}
        # How many there are, how many of them can be picked, and the sum of their origins since the first of them.
        self.unfinished = self.waiting = 0
        self._began = self._origins = 0.0
        self._level = 0.5
        # Polls that a request takes at light load.
        self._wanted = 3.0
        # When the last answer came.
        self._heard = -inf

    def asking(self, slot: int) -> bool:
        """Whether it is out: picked, and not back."""
        return slot in self._under_way

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], now: float) -> None:
        orders = [request.order for request in requests if request.order is not None]
        if orders and self.order.submitted(orders[0], max(orders), now):
            self.selector.ordered()
        self._roster.add(slots, requests, now)
        if not self.unfinished:
            self._began, self._origins = requests[0].origin, 0.0
        for request in requests:
            self._origins += request.origin - self._began
        self.unfinished += len(slots)
        self._load.arrived(len(slots), now)
        self._enter(slots, now)

    def forget(self, slot: int) -> None:
        """The request is no longer to be polled, for reasons that tell nothing."""
        if self._leave(slot) or self._under_way.pop(slot, None) is not None:
            self._gone(slot)

    def take(self, pick: Pick) -> None:
        """The request is being asked about: nobody picks it until its answer."""
        slot, _, kind, view = pick
        self._leave(slot)
        self._under_way[slot] = pick
        if not self.calm and kind is not _PROBE and kind is not _AHEAD:
            self.selector.asked(view)
        self._draws.probes.owed.grow(SHARE_IN_TURN if self.selector.view is _TURN else SHARE)

    def unfinished_at(self, slot: int, sent: float, *, erring: bool) -> None:
        """A poll sent at `sent` showed the request unfinished. Nothing is learned where nobody asked about it here: it was
        handed in again meanwhile."""
        pick = self._under_way.get(slot)
        if pick is None:
            return
        self._learn(pick, sent, finished=False)
        self._roster.unfinished(slot, sent, erring=erring)

    def back(self, slot: int, now: float) -> None:
        """The request can be picked again."""
        if self._under_way.pop(slot, None) is not None:
            self.waiting += 1
            self._pool.enter_one(slot, now, self.order.frontier)

    def finished_by(self, slot: int, now: float, *, round_time: float) -> None:
        """An answer that arrived at `now` showed the request finished."""
        pick = self._under_way.get(slot)
        if pick is None:
            self.forget(slot)
            return
        view = self.selector.view
        late = self._delay(slot, now, view)
        self.quota.noticed(late, round_time=round_time)
        if view is _TURN and self.promise.effort.saves:
            # In turn the whole wait counts, which is about twice the delay.
            late = self._delay(slot, now, View.AGE)
        self.promise.noticed(late, lasted=max(0.0, now - late - self._roster.origin[slot]), saving=self.saving)
        self._learn(pick, now, finished=True)
        self._load.finished(now - self._roster.origin[slot], now)
        del self._under_way[slot]
        self._gone(slot)

    def pick(self, now: float, circumstances: Circumstances) -> Pick | None:
        """Whom to ask, or None where nobody is worth it."""
        if not self.waiting:
            return None
        worth = self._worth_asking(now, circumstances)
        view = self._view()
        pick = self._whatever_it_is_worth(now, view, circumstances)
        if pick is not None:
            return pick
        first = self._pool.first
        best = self._best(now, view) if first is None or view is not _TURN else self._in_turn(first, now, circumstances)
        if best is not None and best.worth >= worth:
            return best
        if not self.saving:
            return None
        by_age = self._pool.by_age()
        slot = self.durations.overdue(by_age, now)
        if slot is None and view is not View.AGE:
            price = _NET * self._price_by_age() if view is _ORDER else worth
            slot, _ = self.durations.best(by_age, now, price, calm=True)
        return self._after_silence(now, circumstances) if slot is None else Pick(slot, worth, _CHOSEN, View.AGE)

    def soon(self, now: float, circumstances: Circumstances) -> float:
        """Seconds until somebody may be worth asking, when nobody is now."""
        worth = self._worth_asking(now, circumstances)
        if self._view() is View.AGE:
            wait = min(self.durations.wait(slot, now, worth) for slot in self._pool.by_age())
            return max(_SHORTEST_WAIT, min(5.0, wait, self._silent_until(now, circumstances) - now))
        # A value grows about as the square of time.
        best = self._best(now, self._view())
        if best is None or best.worth <= 0:
            return 0.2
        grown = (worth / best.worth) ** 0.5 if best.worth < worth else 1.0
        wait = 0.5 * (grown - 1) * (now - self._roster.since(best.slot))
        if self.saving:
            net = _NET * self._price_by_age()
            wait = min(wait, min(self.durations.wait(slot, now, net) for slot in self._pool.by_age()))
        return max(0.2, min(5.0, wait, self._silent_until(now, circumstances) - now))

    def place(self, slot: int, lower: float, upper: float) -> float:
        """When the request finished, given that it did in (lower, upper]: a draw from what is believed of it, so that the
        distribution of many is right. Draws are spread evenly (golden ratio sequence)."""
        self._level = (self._level + _GOLDEN) % 1.0
        frontier = self.order.of(slot)
        if frontier is not None and self.selector.share(View.ORDER) > PLACED_SHARE:
            return self.order.place(slot, lower, upper, frontier, self._level)
        return self.durations.place(slot, lower, upper, self._level)

    def undetected(self) -> Undetected | None:
        return self._draws.probes.undetected(self.unfinished)

    def queue_speed(self, per_second: float, now: float) -> None:
        """The vendor's own figure of how many requests the queue processes a second."""
        self.order.queue_speed(per_second, now)

    def state(self) -> dict[str, Any]:
        """What has been learned, for `restore`; JSON."""
        return self.durations.state() | {
            "selector": self.selector.state(),
            "frontier": self.order.state(),
            "promise": self.promise.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """What is not as `state` writes it is left out: it is learned again."""
        with suppress(KeyError, IndexError, TypeError, ValueError, OverflowError):
            self.durations.restore(state)
            self.selector.restore(state["selector"])
            self.order.restore(state["frontier"])
            self.promise.restore(state["promise"])

    # Choosing

    def _view(self) -> View:
        """At light load, where every poll counts, order first has to have shown that it pays."""
        if not self.calm:
            return self.selector.due
        return View.ORDER if self.selector.proven else View.AGE

    def _whatever_it_is_worth(self, now: float, view: View, circumstances: Circumstances) -> Pick | None:
        """Whom to ask so that nothing is missed: anybody, somebody far ahead, or who was not asked about for longest."""
        drawn = self._draws.probe(now)
        if drawn is not None:
            return Pick(drawn, inf, _PROBE)
        frontier = self.order.frontier
        if view is _ORDER and not self.calm and frontier is not None:
            drawn = self._draws.ahead(now, frontier)
            if drawn is not None:
                return Pick(drawn, inf, _AHEAD)
        first = self._pool.first
        if first is not None and view is not _TURN and self._overdue(first, now, circumstances):
            return Pick(first, inf, Kind.STALE)
        return None

    def _overdue(self, first: int, now: float, circumstances: Circumstances) -> bool:
        return self.quota.due(
            now - self._roster.since(first),
            round_time=circumstances.round_time,
            calm=self.calm,
            few=circumstances.unfinished < circumstances.rate * FEW_SECONDS,
            longest=circumstances.longest,
        )

    def _in_turn(self, first: int, now: float, circumstances: Circumstances) -> Pick:
        # It is taken whatever it is worth, if nobody else is there to be compared with.
        worth = self.durations.worth(first, now, calm=self.calm) if circumstances.contested or self.saving else 0.0
        return Pick(first, worth if worth > _LITTLE else _LITTLE, _CHOSEN)

    def _best(self, now: float, view: View) -> Pick | None:
        best, most, by_age = None, 0.0, self._pool.by_age
        if view is _ORDER:
            best, most = self.order.best(self._pool.by_order(), now, unfinished=self.unfinished)
            by_age = self._pool.without_order
        better, most = self.durations.best(by_age(), now, most, calm=self.calm)
        found = best if better is None else better
        return None if found is None else Pick(found, most, _CHOSEN, view)

    def _after_silence(self, now: float, circumstances: Circumstances) -> Pick | None:
        """Models that expect nobody would let the budget lie idle until somebody asks: a frontier that has lost the queue, or a
        plan by age where all have the same age."""
        if now < self._silent_until(now, circumstances):
            return None
        slot, worth = self.durations.best(self._pool.by_age(), now, 0.0, calm=True)
        return None if slot is None else Pick(slot, worth, Kind.CHOSEN, View.AGE)

    def _silent_until(self, now: float, circumstances: Circumstances) -> float:
        """Until then no poll is due if each request takes only a part of its polls, spread over the time that it lasts."""
        origin = self._origin()
        lasting = max(self._load.lasted, now - origin)
        return max(origin, self._heard) + lasting / (_LEAST_PART * self._wanted * self.unfinished)

    def _worth_asking(self, now: float, circumstances: Circumstances) -> float:
        """The price of a poll, nothing while the budget is needed: with fewer than `polls` a request to go round."""
        if not self.promise.effort.saves or self.promise.part < SAVING:
            self.calm = self.saving = False
            return 0.0
        price = self._full_price(now) * self.promise.part * self._thrift.part
        self._wanted = _POLLS_IN_ORDER if self.selector.proven else self.durations.polls(price)
        misled = self._misled()
        self.calm = self._spare(now, circumstances) > _MARGIN and not misled
        self.saving = not misled
        return 0.0 if misled else price

    def _misled(self) -> bool:
        """Whether more is unnoticed than the promise allows, whatever the models say: of all that are watched, the part of their
        time that they are finished already."""
        return self._draws.probes.surely() > self.promise.unnoticed

    def _full_price(self, now: float) -> float:
        """The price by which the promise is kept."""
        frontier, aim = self.order.frontier, self.promise.aim
        if self.selector.proven and frontier is not None:
            pace = frontier.pace(now)
            return value(min(2 * aim * pace, _IN_ORDER), pace)
        return self._price_by_age()

    def _price_by_age(self) -> float:
        return self.durations.price(self.promise.aim, self.promise.lasting)

    def _spare(self, now: float, circumstances: Circumstances) -> float:
        """Polls a request that the budget gives beyond those wanted."""
        unfinished = self.unfinished
        rate = circumstances.rate * unfinished / max(1, circumstances.unfinished)
        spare = self._load.spare(rate, unfinished=unfinished, origins=self._origin(), now=now)
        return spare - self._wanted

    # Learning

    def _learn(self, pick: Pick, now: float, *, finished: bool) -> None:
        slot, _, kind, view = pick
        self._heard = now
        if kind is _PROBE:
            self._draws.probes.made(finished=finished)
        elif kind is _AHEAD:
            self._draws.sweep.polled(ahead=True, found=finished)
        else:
            self._compare(slot, kind, view, now, finished=finished)
        if self.order.frontier is not None:
            self.order.learn(slot, now, finished=finished, deciding=self.selector.view is _ORDER)
        self.durations.learn(slot, now, finished=finished)

    def _compare(self, slot: int, kind: Kind, view: View, now: float, *, finished: bool) -> None:
        """What each view finds, and what those find that were not asked about for longest."""
        before = self.selector.view
        if self.saving:
            self._thrift.polled(found=finished)
        if view is _ORDER:
            self._draws.sweep.polled(ahead=False, found=finished)
        stale = kind is _STALE
        expected = self.durations.expected(slot, now) if stale and before is View.AGE else 0.0
        self.quota.polled(stale=stale, found=finished, expected=expected)
        self.selector.answered(view, finished=finished)
        if self.selector.view is before:
            return
        if self.selector.view is View.ORDER:
            self.quota.relax()
        else:
            self.quota.tighten()

    def _delay(self, slot: int, now: float, view: View) -> float:
        """How late the finish was noticed, as this view has it."""
        if view is View.TURN:
            return now - self._roster.since(slot)
        frontier = self.order.of(slot) if view is View.ORDER else None
        if frontier is not None:
            return self.order.delay(slot, now, frontier, unfinished=self.unfinished)
        return self.durations.delay(slot, now)

    # Bookkeeping

    def _enter(self, slots: Sequence[int], now: float) -> None:
        self.waiting += len(slots)
        self._pool.enter(slots, now, self.order.frontier)

    def _leave(self, slot: int) -> bool:
        if not self._pool.leave(slot):
            return False
        self.waiting -= 1
        self.durations.left(slot)
        return True

    def _origin(self) -> float:
        """The mean origin of the unfinished."""
        return self._began + self._origins / self.unfinished

    def _gone(self, slot: int) -> None:
        self.unfinished -= 1
        self._origins -= self._roster.origin[slot] - self._began
