"""Which view of the requests decides what is polled: their order, their age, or none but the turn.

A view that predicts well does not always detect soon, so views are judged by the delays that they realise, compared with
what round robin would realise with as many requests and calls. That needs no trial of round robin: with N requests, b calls/s
and l finishes/s it notices a finish after about N / (2 b - l) seconds. By Little's law a share p of finished requests among the
unfinished ones, where a view does not look, adds p N / l seconds; random probes tell p.
"""

from dataclasses import dataclass
from enum import StrEnum


class View(StrEnum):
    ORDER = "order"
    AGE = "age"
    TURN = "turn"


# Order is dropped when its delays, relative to round robin's, exceed this; and compared with age beyond the second figure.
ORDER_WORST = 0.75
ORDER_DOUBTFUL = 0.45
# Age is dropped when its delays exceed round robin's by that much, after so many finishes.
AGE_WORST = ((400, 1.25), (800, 1.10))
LATE_MOST = 0.03
# Order has to predict answers by so much better than age, in nats a poll, to be tried again.
GATE = 0.2
_ORDER_MEMORY = 400
_MEMORY = 1500
# Finishes after a change of view that still show what the view before had left behind.
_CARRIED_FIRST, _CARRIED = 20, 60
_TRIAL = 150


@dataclass(slots=True)
class Score:
    """Discounted sums over finishes: realised delays, round robin's, how many were late, how many there were."""

    delay: float = 0.0
    in_turn: float = 0.0
    late: float = 0.0
    count: float = 0.0

    @property
    def ratio(self) -> float:
        return self.delay / self.in_turn if self.in_turn > 0 else 0.0

    def add(self, delay: float, in_turn: float, late: bool, keep: float) -> None:
        self.delay = self.delay * keep + delay
        self.in_turn = self.in_turn * keep + in_turn
        self.late = self.late * keep + late
        self.count = self.count * keep + 1


class Selector:
    """Starts with age; `ordered` says that the order of submission is known, which is then tried first."""

    def __init__(self) -> None:
        self.view = View.AGE
        self._scores: dict[View, Score] = {}
        self._finishes = 0
        self._served = 0
        self._carried = _CARRIED_FIRST
        self._gate = 0.0
        self._trial_ends: int | None = None
        self._next_trial, self._trial_pause = 300, 1000
        self._next_order, self._order_pause = 0, 400
        self._next_age, self._turn_pause = 0, 1500

    @property
    def young(self) -> bool:
        """Order is new in office: whether it can be trusted is not known yet."""
        return self.view is View.ORDER and self._served < 2 * _CARRIED

    @property
    def proven(self) -> bool:
        """Order is in office and has shown that it pays."""
        score = self._scores.get(View.ORDER)
        return self.view is View.ORDER and score is not None and score.count >= 20 and score.ratio < ORDER_DOUBTFUL

    def ordered(self) -> None:
        if self._finishes < 20 and self.view is View.AGE:
            self.view = View.ORDER

    def predicted(self, *, order: float, age: float) -> None:
        """Log-probabilities that the two views gave to an answer which order did not ask for."""
        self._gate += 0.005 * (order - age - self._gate)

    def noticed(self, delay: float, in_turn: float, *, late: bool, hidden: float, surprises: float) -> bool:
        """A finish was noticed `delay` seconds late where round robin takes `in_turn`; whether the view changes.
        `hidden` is the delay, in units of round robin's, of what nobody looks at."""
        self._finishes += 1
        self._served += 1
        mature = self._served - self._carried
        if mature <= 0:
            return False
        memory = _ORDER_MEMORY if self.view is View.ORDER else _MEMORY
        score = self._scores.setdefault(self.view, Score())
        score.add(delay, in_turn, late, 1 - 1 / min(mature, memory))
        return self._finishes % 10 == 0 and self._change(self._better(mature, score, hidden, surprises))

    def state(self) -> dict[str, float | str]:
        return {"view": str(self.view), "finishes": self._finishes, "gate": self._gate}

    def restore(self, state: dict[str, float | str]) -> None:
        """Raises KeyError, TypeError or ValueError when `state` is none of ours."""
        self.view = View(str(state["view"]))
        self._finishes = int(state["finishes"])
        self._gate = float(state["gate"])
        self._next_trial = self._finishes + self._next_trial
        self._next_age = self._finishes + self._turn_pause

    def _better(self, mature: int, score: Score, hidden: float, surprises: float) -> View:
        if self.view is View.ORDER:
            return self._after_order(mature, score, hidden, surprises)
        if self.view is View.AGE:
            return self._after_age(mature, score)
        if self._finishes >= self._next_age:
            return View.AGE
        return self._order_again() or View.TURN

    def _after_order(self, mature: int, score: Score, hidden: float, surprises: float) -> View:
        sure = mature >= 40 or surprises > 2.5
        late = mature >= 150 and score.late > LATE_MOST * score.count
        if late or (sure and score.ratio + hidden > ORDER_WORST):
            self._leave_order()
            return View.AGE
        if mature >= 300 and score.ratio > ORDER_DOUBTFUL and self._finishes >= self._next_trial:
            self._leave_order()
            self._trial_ends = self._finishes + _TRIAL
            return View.AGE
        return View.ORDER

    def _leave_order(self) -> None:
        self._next_order = self._finishes + self._order_pause
        self._order_pause = min(6400, 2 * self._order_pause)

    def _after_age(self, mature: int, score: Score) -> View:
        if self._trial_ends is not None and self._finishes >= self._trial_ends:
            self._trial_ends = None
            self._next_trial = self._finishes + self._trial_pause
            self._trial_pause *= 3
            order = self._scores.get(View.ORDER)
            if order is not None and order.ratio < 0.9 * score.ratio:
                return View.ORDER
        if any(mature >= finishes and score.ratio > worst for finishes, worst in AGE_WORST):
            self._next_age = self._finishes + self._turn_pause
            self._turn_pause *= 2
            return View.TURN
        return self._order_again() or View.AGE

    def _order_again(self) -> View | None:
        return View.ORDER if self._finishes >= self._next_order and self._gate > GATE else None

    def _change(self, view: View) -> bool:
        if view is self.view:
            return False
        self.view = view
        self._served, self._carried = 0, _CARRIED
        if self._trial_ends is None:
            self._scores.pop(view, None)
        return True
