"""The unfinished requests of one API, and what is known of how they finish."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import exp, expm1, inf, log, nan
from random import Random
from typing import Any

from exporter.core.columns import reach
from exporter.core.learned.bins import BINS
from exporter.core.learned.checks import Checks
from exporter.core.learned.frontier import Frontier
from exporter.core.learned.lineup import Chains, Crowd, Ranks
from exporter.core.learned.load import Load
from exporter.core.learned.probes import SHARE, SHARE_IN_TURN, Probes
from exporter.core.learned.quota import Quota
from exporter.core.learned.selector import Selector, View
from exporter.core.learned.survival import Survival
from exporter.core.learned.sweep import CANDIDATES, Sweep, farthest
from exporter.core.learned.value import value
from exporter.core.parts import grouped
from exporter.core.recency import Recency
from exporter.core.schedule import Undetected, Unfinished

# Nobody is asked twice within this time.
SHORTEST_GAP = 0.15
# Nor within this one without an occasion.
_RESTED = 3 * SHORTEST_GAP
# Nor is it looked again within this time whether somebody is worth asking.
_SHORTEST_WAIT = 0.05
# How much of the finishing is taken to happen anywhere, whatever the order says.
ANYWHERE = 0.05
# From this share of the polls on the order tells when a request finished: where all views ask the next ones in order, the order has
# no larger one.
PLACED_SHARE = 0.25
# Requests are few that can all be asked within this time.
FEW_SECONDS = 60.0
# Every how many answers teach the frontier while it does not decide.
BYSTANDER = 3
_UNORDERED = -1
_AGES_A_GROUP = 6
_GOLDEN = 0.6180339887498949
# At light load, where a planned age is met to the second, prices differ by up to this factor from poll to poll: who is always
# asked at the same ages never learns what happens between them.
_DITHER = log(2.0)


class Kind(StrEnum):
    """Why a request is polled."""

    CHOSEN = "chosen"
    STALE = "stale"
    PROBE = "probe"
    AHEAD = "ahead"


# They count for no view: their requests are drawn, not chosen.
_BY_CHANCE = frozenset((Kind.PROBE, Kind.AHEAD))


class Class:
    """What a request is compared with. FRESH ones have an order; for ERRING ones the vendor retries."""

    FRESH, ERRING, UNDATED, UNORDERED = range(4)


@dataclass(frozen=True, slots=True)
class Pick:
    """A request to poll and what that is worth, in seconds of delay; inf for what is due whatever it is worth. `view` is the
    one whose success this counts for: whoever was not asked for longest is asked for the turn."""

    slot: int
    worth: float
    kind: Kind
    view: View = View.TURN


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What an account can do now. `rate` is the calls/s that the budget allows, `round_time` the seconds in which every
    unfinished request could be asked once at the pace of late; `polls` what a request may take at light load."""

    rate: float
    pace: float
    round_time: float
    unfinished: int
    polls: float
    longest: float


class Stream:
    """Columns by slot, the lineups over them, and the models. All times are seconds since the epoch."""

    def __init__(self, random: Random) -> None:
        self.selector = Selector()
        self.probes = Probes()
        self.quota = Quota()
        self.sweep = Sweep()
        self.fresh, self.erring, self.undated = Survival(), Survival(), Survival()
        self.frontier: Frontier | None = None
        self.calm = False
        self._random = random
        self._crowd = Crowd()
        self._turns = Recency()
        self._ages = Chains()
        self._ranks = Ranks()
        self._under_way: dict[int, Pick] = {}
        self._origin, self._clock, self._asked = array("d"), array("d"), array("d")
        self._order, self._class = array("q"), array("b")
        self._origins = 0.0
        self._load = Load()
        self._anywhere = 0.1
        self._level = 0.5
        self._off = 0.0
        self._answers = 0
        self._lesson: dict[str, list[float]] = {}
        # By class.
        self._tables = self.fresh, self.erring, self.undated, self.fresh
        self._checks: dict[int, Checks] = {}

    def __len__(self) -> int:
        """Requests that can be picked."""
        return len(self._crowd)

    @property
    def unfinished(self) -> int:
        return len(self._crowd) + len(self._under_way)

    def asking(self, slot: int) -> bool:
        """Whether it is out: picked, and not back."""
        return slot in self._under_way

    def add(self, slots: Sequence[int], requests: Sequence[Unfinished], now: float) -> None:
        highest = max(slots)
        reach(highest, nan, self._origin, self._clock, self._asked)
        reach(highest, _UNORDERED, self._order, self._class)
        ordered = [request.order for request in requests if request.order is not None]
        if ordered:
            self._submitted(ordered[0], max(ordered), now)
        for slot, (_, origin, dated, order, asked, erring) in zip(slots, requests, strict=True):
            self._origin[slot], self._clock[slot] = origin, now if erring else origin
            self._asked[slot] = nan if asked is None else asked
            self._order[slot] = _UNORDERED if order is None else order
            self._class[slot] = Class.ERRING if erring else _fresh_class(order, dated=dated)
            self._origins += origin
        self._load.arrived(len(slots), now)
        self._enter(slots, now)

    def forget(self, slot: int) -> None:
        """The request is no longer to be polled, for reasons that tell nothing."""
        if self._leave(slot) or self._under_way.pop(slot, None) is not None:
            self._origins -= self._origin[slot]

    def take(self, pick: Pick) -> None:
        """The request is being asked about: nobody picks it until its answer."""
        self._leave(pick.slot)
        self._under_way[pick.slot] = pick
        if pick.kind not in _BY_CHANCE and not self.calm:
            self.selector.asked(pick.view)
        self.probes.grow(SHARE_IN_TURN if self.selector.view is View.TURN else SHARE)

    def unfinished_at(self, slot: int, sent: float, *, erring: bool) -> None:
        """A poll sent at `sent` showed the request unfinished. Nothing is learned where nobody asked about it here: it was
        handed in again meanwhile."""
        if slot not in self._under_way:
            return
        self._observe(slot, sent, finished=False)
        if erring != (self._class[slot] == Class.ERRING):
            self._class[slot] = Class.ERRING if erring else self._calm_class(slot)
            self._clock[slot] = sent if erring else self._origin[slot]
        self._asked[slot] = sent

    def back(self, slot: int, now: float) -> None:
        """The request can be picked again."""
        if self._under_way.pop(slot, None) is not None:
            self._enter((slot,), now)

    def finished_by(self, slot: int, now: float, circumstances: Circumstances) -> None:
        """An answer that arrived at `now` showed the request finished."""
        if slot not in self._under_way:
            self.forget(slot)
            return
        self.quota.noticed(self._delay(slot, now), round_time=circumstances.round_time)
        self._observe(slot, now, finished=True)
        self._load.finished(now - self._origin[slot], now)
        del self._under_way[slot]
        self._origins -= self._origin[slot]

    def pick(self, now: float, circumstances: Circumstances) -> Pick | None:
        """Whom to ask, or None where nobody is worth it."""
        if not self._crowd:
            return None
        worth = self._worth_asking(now, circumstances)
        view = self._view()
        first = self._turns.first
        pick = self._probe(now) or self._ahead(now, view) or self._stale(first, now, view, circumstances)
        if pick is not None:
            return pick
        if view is View.TURN and first is not None:
            best: Pick | None = Pick(first, max(self._value(first, now, View.AGE), 1e-9), Kind.CHOSEN)
        else:
            best = self._best(now, view)
        return best if best is not None and best.worth >= worth else None

    def soon(self, now: float, circumstances: Circumstances) -> float:
        """Seconds until somebody may be worth asking, when nobody is now."""
        worth = self._worth_asking(now, circumstances)
        if self._view() is View.AGE:
            wait = min(self._wait(slot, now, worth) for slot in self._ages.heads.values())
            return max(_SHORTEST_WAIT, min(5.0, wait))
        # A value grows about as the square of time.
        best = self._best(now, self._view())
        if best is None or best.worth <= 0:
            return 0.2
        grown = (worth / best.worth) ** 0.5 if best.worth < worth else 1.0
        return max(0.2, min(5.0, 0.5 * (grown - 1) * (now - self._since(best.slot))))

    def place(self, slot: int, lower: float, upper: float) -> float:
        """When the request finished, given that it did in (lower, upper]: a draw from what is believed of it, so that the
        distribution of many is right. Draws are spread evenly (golden ratio sequence)."""
        self._level = (self._level + _GOLDEN) % 1.0
        clock = self._clock[slot]
        frontier = self._frontier_of(slot)
        if frontier is not None and self.selector.share(View.ORDER) > PLACED_SHARE:
            ago = frontier.quantile(self._order[slot], upper, since=upper - lower, level=self._level)
            return max(lower, upper - ago)
        table = self._table(slot)
        drawn = clock + table.quantile(max(0.0, lower - clock), max(1e-6, upper - clock), self._level)
        # Clocks differ, and times since the epoch are rounded.
        return min(max(lower, drawn), upper)

    def undetected(self) -> Undetected | None:
        return self.probes.undetected(self.unfinished)

    def queue_speed(self, per_second: float, now: float) -> None:
        """The vendor's figure may count all its customers: what it was off by so far is taken into account, and it tells
        more of a change than of the size."""
        own = self._load.finish_rate(now)
        if self.frontier is None or per_second <= 0 or own <= 0:
            return
        off = log(per_second / own)
        self._off += 0.1 * (off - self._off)
        if abs(off - self._off) < 1.0:
            return
        expected = per_second / exp(self._off)
        self.frontier.pull(expected, 0.5 * expected, now)

    def state(self) -> dict[str, Any]:
        """What has been learned, for `restore`; JSON."""
        return {
            "fresh": self.fresh.state(),
            "erring": self.erring.state(),
            "undated": self.undated.state(),
            "selector": self.selector.state(),
            "frontier": self._lesson if self.frontier is None else self.frontier.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """What is not as `state` writes it is left out: it is learned again."""
        tables = {"fresh": self.fresh, "erring": self.erring, "undated": self.undated}
        with suppress(KeyError, IndexError, TypeError, ValueError, OverflowError):
            for name, table in tables.items():
                table.restore(state[name])
            self.selector.restore(state["selector"])
            self._lesson = state["frontier"]
        self._checks.clear()

    # Choosing

    def _view(self) -> View:
        """At light load, where every poll counts, order first has to have shown that it pays."""
        if not self.calm:
            return self.selector.due
        return View.ORDER if self.selector.proven else View.AGE

    def _probe(self, now: float) -> Pick | None:
        if not self.probes.due():
            return None
        slot = self._anybody()
        if now - self._since(slot) < _RESTED:
            return None
        self.probes.spend()
        return Pick(slot, inf, Kind.PROBE)

    def _stale(self, first: int | None, now: float, view: View, circumstances: Circumstances) -> Pick | None:
        if first is None or view is View.TURN:
            return None
        unasked, calm = now - self._since(first), self.calm
        round_time, longest = circumstances.round_time, circumstances.longest
        few = circumstances.unfinished < circumstances.rate * FEW_SECONDS
        if self.quota.due(unasked, round_time=round_time, calm=calm, few=few, longest=longest):
            return Pick(first, inf, Kind.STALE)
        return None

    def _ahead(self, now: float, view: View) -> Pick | None:
        frontier = self.frontier
        if view is not View.ORDER or self.calm or frontier is None or not self.sweep.due():
            return None
        slots = [self._anybody() for _ in range(CANDIDATES)]
        found = farthest(
            [
                (slot, frontier.place(self._order[slot], now), now - self._since(slot))
                for slot in slots
                if self._class[slot] == Class.FRESH and now - self._since(slot) >= _RESTED
            ]
        )
        if found is None:
            return None
        self.sweep.spend()
        return Pick(found, inf, Kind.AHEAD)

    def _anybody(self) -> int:
        return self._crowd[int(self._random.random() * len(self._crowd))]

    def _best(self, now: float, view: View) -> Pick | None:
        best, most = None, 0.0
        for slot in self._candidates(view):
            worth = self._value(slot, now, view)
            if worth > most and now - self._since(slot) >= SHORTEST_GAP:
                best, most = slot, worth
        return None if best is None else Pick(best, most, Kind.CHOSEN, view)

    def _candidates(self, view: View) -> Iterator[int]:
        if view is not View.ORDER:
            yield from self._ages.heads.values()
            return
        yield from self._ranks.heads()
        for group, slot in self._ages.heads.items():
            if group >> 8 != Class.FRESH:
                yield slot

    def _value(self, slot: int, now: float, view: View) -> float:
        frontier = self._frontier_of(slot) if view is View.ORDER else None
        if frontier is not None:
            return value(*self._hazard(slot, now, frontier))
        worth = self._checks_of(slot).worth(self._seen_age(slot), max(0.0, now - self._clock[slot]))
        return worth * self._dither(slot) if self.calm else worth

    def _wait(self, slot: int, now: float, worth: float) -> float:
        """Seconds until a poll will be worth so much; it need not be met exactly, where requests wait for hours."""
        due = self._clock[slot] + self._checks_of(slot).due(self._seen_age(slot), worth / self._dither(slot))
        return max(due - now, 0.02 * (now - self._since(slot)))

    def _dither(self, slot: int) -> float:
        """A factor that is spread evenly (golden ratio sequence), in its logarithm, over the polls of all requests."""
        return exp(_DITHER * (self._since(slot) * _GOLDEN % 1.0 - 0.5))

    def _checks_of(self, slot: int) -> Checks:
        group = self._class[slot]
        return self._checks.get(group) or self._plan(group)

    def _plan(self, group: int) -> Checks:
        """For the first time, since most streams never see some classes."""
        table = self._tables[group]
        checks = Checks(table)
        self._checks |= {other: checks for other, one in enumerate(self._tables) if one is table}
        return checks

    def _hazard(self, slot: int, now: float, frontier: Frontier) -> tuple[float, float]:
        """What the order says the request gathered since it was last seen unfinished, and its hazard now (1/s)."""
        gathered, hazard = frontier.hazard(self._order[slot], now, since=self._unseen(slot, now))
        anywhere = ANYWHERE * max(self._load.finish_rate(now), 0.1) / max(1, self.unfinished)
        return gathered + anywhere * (now - self._since(slot)), hazard + anywhere

    def _worth_asking(self, now: float, circumstances: Circumstances) -> float:
        """The price of a poll, nothing while the budget is needed: with fewer than `polls` a request to go round."""
        spare = self._spare(now, circumstances)
        self.calm = spare > 0
        return min(1.0, max(0.0, spare / 1.4)) * self._full_price(now, circumstances.polls)

    def _full_price(self, now: float, polls: float) -> float:
        if self._view() is View.ORDER and self.frontier is not None and polls != inf:
            return value(-log(1 - 1 / polls), self.frontier.pace(now))
        return (self._checks.get(Class.FRESH) or self._plan(Class.FRESH)).price(polls)

    def _spare(self, now: float, circumstances: Circumstances) -> float:
        """Polls a request that the budget gives beyond those wanted."""
        unfinished = self.unfinished
        rate = circumstances.rate * unfinished / max(1, circumstances.unfinished)
        spare = self._load.spare(rate, unfinished=unfinished, origins=self._origins / unfinished, now=now)
        return spare - circumstances.polls - 0.2

    # Learning

    def _observe(self, slot: int, now: float, *, finished: bool) -> None:
        pick = self._under_way[slot]
        if pick.kind is Kind.PROBE:
            self.probes.made(finished=finished)
        elif pick.kind is Kind.AHEAD:
            self.sweep.polled(ahead=True, found=finished)
        else:
            if pick.view is View.ORDER:
                self.sweep.polled(ahead=False, found=finished)
            stale = pick.kind is Kind.STALE
            self.quota.polled(stale=stale, found=finished, expected=self._expected(slot, now) if stale else 0.0)
            before = self.selector.view
            self.selector.answered(pick.view, finished=finished)
            if self.selector.view is not before:
                self._changed_view()
        frontier = self._frontier_of(slot)
        if frontier is not None:
            self._learn_order(slot, now, frontier, finished=finished)
        self._learn_age(slot, now, finished=finished)

    def _expected(self, slot: int, now: float) -> float:
        """The probability with which age, where it decides, expected a finish to be found."""
        if self.selector.view is not View.AGE:
            return 0.0
        table, age, seen = self._table(slot), now - self._clock[slot], self._seen_age(slot)
        return -expm1((table.integrated(seen) if seen > 0 else 0.0) - table.integrated(age))

    def _learn_order(self, slot: int, now: float, frontier: Frontier, *, finished: bool) -> None:
        """Where another view decides, a part of the answers is enough to know whether order would do better."""
        self._answers += 1
        if self.selector.view is View.ORDER or self._answers % BYSTANDER == 0:
            frontier.learn(self._order[slot], now, finished=finished, since=self._unseen(slot, now))

    def _learn_age(self, slot: int, now: float, *, finished: bool) -> None:
        table, lower, upper = self._table(slot), self._seen_age(slot), max(0.0, now - self._clock[slot])
        if finished:
            table.finished(min(lower, upper), upper)
            self._checks_of(slot).learned()
        elif upper > lower:
            table.unfinished(lower, upper)

    def _changed_view(self) -> None:
        if self.selector.view is View.ORDER:
            self.quota.relax()
        else:
            self.quota.tighten()

    def _delay(self, slot: int, now: float) -> float:
        """How late the finish was noticed."""
        window = now - self._since(slot)
        view = self.selector.view
        if view is View.TURN:
            return window
        frontier = self._frontier_of(slot) if view is View.ORDER else None
        if frontier is not None:
            return self._order_delay(slot, now, window, frontier)
        age = now - self._clock[slot]
        return age - self._table(slot).mean(self._seen_age(slot), age)

    def _order_delay(self, slot: int, now: float, window: float, frontier: Frontier) -> float:
        """What order does not explain finished anywhere in its window: a mixture whose weight is learned (EM)."""
        order, since = self._order[slot], self._unseen(slot, now)
        in_order = -expm1(-frontier.hazard(order, now, since=since)[0]) * (1 - self._anywhere)
        rate = max(self._load.finish_rate(now), 0.01) / max(1, self.unfinished)
        anywhere = -expm1(-window * rate) * self._anywhere + 1e-9
        explained = in_order / (in_order + anywhere)
        self._anywhere = min(0.9, max(0.01, 0.98 * self._anywhere + 0.02 * (1 - explained)))
        return explained * min(window, frontier.delay(order, now, since=since)) + (1 - explained) * window

    # Bookkeeping

    def _enter(self, slots: Sequence[int], now: float) -> None:
        self._crowd.add(slots)
        self._turns.append(slots)
        for group, members in grouped(slots, self._age_group).items():
            self._ages.append(members, group)
        fresh = [slot for slot in slots if self._class[slot] == Class.FRESH]
        for group, members in grouped(fresh, partial(self._rank_group, now)).items():
            self._ranks.put(members, [self._order[slot] for slot in members], group)

    def _age_group(self, slot: int) -> int:
        group = self._class[slot] << 8
        asked = self._asked[slot]
        return group if asked != asked else group | (BINS.of(self._seen_age(slot)) // _AGES_A_GROUP)

    def _rank_group(self, now: float, slot: int) -> int:
        if self.frontier is None or self._asked[slot] != self._asked[slot]:
            return 0
        place = self.frontier.place(self._order[slot], now)
        return 0 if place < -4 else 17 + int(min(16.0, place * 4))

    def _leave(self, slot: int) -> bool:
        if slot not in self._crowd:
            return False
        self._crowd.remove(slot)
        self._turns.remove(slot)
        self._ages.remove(slot)
        self._ranks.remove(slot)
        return True

    def _submitted(self, first: int, newest: int, now: float) -> None:
        if self.frontier is None:
            self.frontier = Frontier(first, now)
            with suppress(KeyError, IndexError, TypeError, ValueError, OverflowError):
                self.frontier.restore(self._lesson)
            self.selector.ordered()
        self.frontier.submitted(newest)

    def _frontier_of(self, slot: int) -> Frontier | None:
        """The frontier, where it tells of this request."""
        return self.frontier if self._class[slot] == Class.FRESH else None

    def _table(self, slot: int) -> Survival:
        return self._tables[self._class[slot]]

    def _calm_class(self, slot: int) -> int:
        # Whether it was dated matters no more after an error: its age at the next finish is long.
        return Class.UNORDERED if self._order[slot] == _UNORDERED else Class.FRESH

    def _since(self, slot: int) -> float:
        """When the request was last asked about; its submission, or first sight, where never."""
        asked = self._asked[slot]
        return self._origin[slot] if asked != asked else asked

    def _unseen(self, slot: int, now: float) -> float | None:
        """Seconds since a poll showed the request unfinished; None before the first."""
        asked = self._asked[slot]
        return None if asked != asked else now - asked

    def _seen_age(self, slot: int) -> float:
        """The age up to which it is known to be unfinished."""
        asked = self._asked[slot]
        return 0.0 if asked != asked else max(0.0, asked - self._clock[slot])


def _fresh_class(order: int | None, *, dated: bool) -> int:
    if not dated:
        return Class.UNDATED
    return Class.UNORDERED if order is None else Class.FRESH
