"""Which view of the requests decides what is polled: their order, their age, or none but the turn.

A view that predicts well does not always detect soon, so views are judged by the delays that they realise, compared with
what round robin would realise with as many requests and calls. That needs no trial of round robin: with N requests, b calls/s
and l finishes/s it notices a finish after about N / (2 b - l) seconds. By Little's law a share p of finished requests among the
unfinished ones, where a view does not look, adds p N / l seconds; random probes tell p.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite


class View(StrEnum):
    ORDER = "order"
    AGE = "age"
    TURN = "turn"


# Order is dropped when its delays, relative to round robin's, exceed this. It has proven itself below the second figure.
ORDER_WORST = 0.75
# The same after a few finishes.
ORDER_HOPELESS = 1.5
ORDER_PROVEN = 0.45
# Age is dropped when its delays exceed round robin's by that much, after so many finishes.
AGE_WORST = 1.10
AGE_FINISHES = 800
LATE_MOST = 0.03
HIDDEN_MOST = 0.03
# Two probes that found what order had no idea of, and hopeless delays: it is not worth waiting for more finishes.
SURPRISES = 1.5
# Order has to predict answers by so much better than age, in nats a poll, to be tried again.
GATE = 0.2
GATE_RISE = 0.1
# Answers: queues show one face while they grow and another while they shrink, and both have to be seen.
GATE_MEMORY = 1500
_ORDER_MEMORY = 400
_MEMORY = 1500
# Finishes of a view that are not judged yet.
_UNJUDGED = 10
_YOUNG = 120
_SOON, _LONGEST = 200, 6400
_MOST_FINISHES = 1e15


@dataclass(slots=True)
class Score:
    """Discounted sums over finishes: realised delays, those of what nobody looks at, round robin's, how many were late, how
    many there were."""

    delay: float = 0.0
    unseen: float = 0.0
    in_turn: float = 0.0
    late: float = 0.0
    count: float = 0.0

    @property
    def ratio(self) -> float:
        return self.delay / self.in_turn if self.in_turn > 0 else 0.0

    @property
    def whole(self) -> float:
        """The same with what nobody looks at."""
        return (self.delay + self.unseen) / self.in_turn if self.in_turn > 0 else 0.0

    def add(self, delay: float, unseen: float, in_turn: float, late: bool, keep: float) -> None:
        self.delay = self.delay * keep + delay
        self.unseen = self.unseen * keep + unseen
        self.in_turn = self.in_turn * keep + in_turn
        self.late = self.late * keep + late
        self.count = self.count * keep + 1


class Selector:
    """Starts with age; `ordered` says that the order of submission is known, which is then tried first.

    A view that was dropped is tried again after a number of finishes that grows each time; order also has to promise more
    each time.
    """

    def __init__(self) -> None:
        self.view = View.AGE
        self._scores: dict[View, Score] = {}
        self._finishes = 0
        self._served = 0
        self._since = 0.0
        self._gate = 0.0
        self._answers = 0
        self._failures = 0
        self._next_order, self._order_pause = 0, _SOON
        self._next_age, self._age_pause = 0, 4 * _SOON

    @property
    def young(self) -> bool:
        """Order is new in office: whether it can be trusted is not known yet."""
        return self.view is View.ORDER and self._served < _YOUNG

    @property
    def proven(self) -> bool:
        """Order is in office and has shown that it pays."""
        score = self._scores.get(View.ORDER)
        return self.view is View.ORDER and score is not None and score.count >= 20 and score.ratio < ORDER_PROVEN

    def ordered(self) -> None:
        if self._finishes < 20 and self.view is View.AGE:
            self.view = View.ORDER

    def predicted(self, *, order: float, age: float) -> None:
        """Log-probabilities that the two views gave to an answer which order did not ask for."""
        self._answers += 1
        self._gate += (order - age - self._gate) / min(self._answers, GATE_MEMORY)

    def noticed(
        self, delay: float, unseen: float, in_turn: float, *, now: float, late: bool, hidden: float, surprises: float
    ) -> bool:
        """A finish was noticed `delay` seconds late where round robin takes `in_turn`; whether the view changes.
        `hidden` is the part of the unfinished requests that has finished where nobody looks, and `unseen` the delay that
        this adds."""
        self._finishes += 1
        if now - delay < self._since:
            # The view before had left it lying.
            return False
        self._served += 1
        mature = self._served - _UNJUDGED
        if mature <= 0:
            return False
        memory = _ORDER_MEMORY if self.view is View.ORDER else _MEMORY
        score = self._scores.setdefault(self.view, Score())
        score.add(delay, unseen, in_turn, late, 1 - 1 / min(mature, memory))
        if self.young and surprises > SURPRISES and score.whole > ORDER_HOPELESS:
            return self._change(self._drop_order(), now)
        return self._served % 10 == 0 and self._change(self._better(mature, score, hidden), now)

    def state(self) -> dict[str, float | str]:
        return {"view": str(self.view), "finishes": self._finishes, "gate": self._gate}

    def restore(self, state: Mapping[str, float | str]) -> None:
        """Raises KeyError, TypeError or ValueError when `state` is none of ours."""
        view, finishes, gate = View(str(state["view"])), float(state["finishes"]), float(state["gate"])
        if not (0 <= finishes <= _MOST_FINISHES and isfinite(gate)):
            raise ValueError("not what a selector has stored")
        self.view, self._finishes, self._gate = view, int(finishes), gate
        self._next_age = self._next_order = self._finishes

    def _better(self, mature: int, score: Score, hidden: float) -> View:
        if self.view is View.ORDER:
            return self._after_order(mature, score, hidden)
        if self._finishes >= self._next_order and self._gate > GATE + GATE_RISE * self._failures:
            return View.ORDER
        if self.view is View.TURN:
            return View.AGE if self._finishes >= self._next_age else View.TURN
        if mature >= AGE_FINISHES and score.ratio > AGE_WORST:
            self._age_pause = min(_LONGEST, 2 * self._age_pause)
            self._next_age = self._finishes + self._age_pause
            return View.TURN
        return View.AGE

    def _after_order(self, mature: int, score: Score, hidden: float) -> View:
        late = mature >= 150 and (score.late > LATE_MOST * score.count or hidden > HIDDEN_MOST)
        if late or (mature >= 40 and score.whole > ORDER_WORST):
            return self._drop_order()
        return View.ORDER

    def _drop_order(self) -> View:
        self._failures += 1
        self._order_pause = min(_LONGEST, 4 * self._order_pause)
        self._next_order = self._finishes + self._order_pause
        return View.AGE

    def _change(self, view: View, now: float) -> bool:
        if view is self.view:
            return False
        self.view = view
        self._served, self._since = 0, now
        self._scores.pop(view, None)
        return True
