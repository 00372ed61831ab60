"""Which view of the requests asks next: their order, their age, or none but the turn.

A view that predicts well does not always detect soon, so views are judged by what their polls find. All of them ask at the same
time and of the same requests, so their rates of success can be compared without trials: the sum of all delays is the number of
finished requests that nobody has noticed, over time, and whoever finds more a poll lowers that number faster. The shares follow
the rates all the time: for a queue that does its urgent requests first, the turn is right in one minute, the order in the next.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import inf, isfinite


class View(StrEnum):
    TURN = "turn"
    AGE = "age"
    ORDER = "order"


# Shares of the polls are proportional to this power of the rates of success.
SHARPNESS = 8.0
# Polls that the rates remember.
MEMORY = 250.0
# Every view starts like one that made so many polls of less than average success: few polls are no reason to change.
PRIOR, PRIOR_SUCCESS = 8.0, 0.5
# Order has to find more than the others do, for the same mean delay: it leaves some unasked for longer.
HANDICAP = 0.85
# A view that finds nothing still makes the first share of the polls, one that finds as much as the best both.
LEAST, LEAST_PROMISING = 0.01, 0.01
# Polls that a view may be behind or ahead of its share. It can't make up later for those that went to the stalest.
MOST_CREDIT = 2.0
# Order has proven itself when it has such a share, after so many polls.
PROVEN_SHARE, PROVEN_POLLS = 0.7, 30.0
_KEPT = 1 - 1 / MEMORY
# One answer that finds nothing hardly changes a rate: the shares are worked out anew with each find, and after so many others.
DIVIDED_EVERY = 4
_MOST_POLLS = 1e6


class Arm:
    """A view: its discounted polls, how many of them found a finish, its share of the polls, and how many it is behind.
    `worth` is what a find counts for, `rate` how much its polls find; of its share `floor` is certain, and what is left to all is
    shared in proportion to `weight`. What is new is not among the discounted ones yet."""

    __slots__ = (
        "credit",
        "floor",
        "found",
        "new_found",
        "new_polls",
        "polls",
        "rate",
        "share",
        "view",
        "weight",
        "worth",
    )

    def __init__(self, view: View) -> None:
        self.view = view
        self.worth = HANDICAP if view is View.ORDER else 1.0
        self.polls = self.found = self.credit = 0.0
        self.new_polls = self.new_found = 0
        self.rate = self.floor = self.weight = self.share = 0.0


class Selector:
    """Shares the polls among the views; order takes part once `ordered` has said that there is one.

    `view` is the one that asks most, `due` the one that asks next.
    """

    def __init__(self) -> None:
        self._arms = {view: Arm(view) for view in (View.TURN, View.AGE)}
        # Answers that the rates and the shares do not know of.
        self._undivided = 0
        self._divide()

    @property
    def proven(self) -> bool:
        """Order has shown that it pays."""
        arm = self._arms.get(View.ORDER)
        return arm is not None and arm.share > PROVEN_SHARE and arm.polls > PROVEN_POLLS

    def share(self, view: View) -> float:
        """The part of the polls that a view makes."""
        arm = self._arms.get(view)
        return 0.0 if arm is None else arm.share

    def ordered(self) -> None:
        self._arms.setdefault(View.ORDER, Arm(View.ORDER))
        self._divide()

    def asked(self, view: View) -> None:
        """A poll is made for this view."""
        most = -inf
        for arm in self._arms.values():
            credit = arm.credit + arm.share
            if credit > MOST_CREDIT:
                credit = MOST_CREDIT
            if arm.view is view:
                credit = credit - 1 if credit > 1 - MOST_CREDIT else -MOST_CREDIT
            arm.credit = credit
            if credit > most:
                most, self.due = credit, arm.view

    def answered(self, view: View, *, finished: bool) -> None:
        """What a poll of this view found."""
        arm = self._arms[view]
        arm.new_polls += 1
        arm.new_found += finished
        self._undivided += 1
        if finished or self._undivided >= DIVIDED_EVERY:
            self._divide()

    def state(self) -> dict[str, list[float]]:
        """Polls and finishes found, by view; JSON."""
        self._take_over()
        return {str(view): [arm.polls, arm.found] for view, arm in self._arms.items()}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Raises KeyError, TypeError or ValueError when `state` is none of ours."""
        for view in View:
            if view is View.ORDER and view not in state:
                continue
            polls, found = state[view]
            if not (isfinite(polls) and 0 <= found <= polls <= _MOST_POLLS):
                raise ValueError("not what a selector has stored")
            arm = self._arms.setdefault(view, Arm(view))
            arm.polls, arm.found = float(polls), float(found)
        self._divide()

    def _divide(self) -> None:
        self._take_over()
        arms = self._arms.values()
        best = self._rate()
        least = total = 0.0
        for arm in arms:
            arm.floor, arm.weight = LEAST + LEAST_PROMISING * arm.rate / best, (arm.rate / best) ** SHARPNESS
            least += arm.floor
            total += arm.weight
        rest = (1 - least) / total
        most = 0.0
        for arm in arms:
            share = arm.share = arm.floor + rest * arm.weight
            if share > most:
                most, self.view = share, arm.view
        self._next()

    def _take_over(self) -> None:
        """Add to the rates what was found since."""
        kept, self._undivided = _KEPT**self._undivided, 0
        for arm in self._arms.values():
            arm.polls = arm.polls * kept + arm.new_polls
            arm.found = arm.found * kept + arm.new_found
            arm.new_polls = arm.new_found = 0

    def _next(self) -> None:
        most = -inf
        for arm in self._arms.values():
            if arm.credit > most:
                most, self.due = arm.credit, arm.view

    def _rate(self) -> float:
        """The best of all rates."""
        arms = self._arms.values()
        found = polls = best = 0.0
        for arm in arms:
            found += arm.found
            polls += arm.polls
        expected = PRIOR * PRIOR_SUCCESS * ((found + 0.2) / (polls + 1))
        for arm in arms:
            rate = arm.rate = arm.worth * (arm.found + expected) / (arm.polls + PRIOR)
            if rate > best:
                best = rate
        return best
