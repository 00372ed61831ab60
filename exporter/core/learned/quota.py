"""Bounds how long a request can go unpolled, and how much that may cost.

A policy that polls where it expects news lets the others wait. Whoever was not asked for longer than a multiple of a full
round is asked next, but only with a share of the polls: about as much of them as such polls find, compared with the others
and less what was expected of them anyway, and more when finishes are noticed late.
"""

from exporter.core.learned.ration import Rate, Ration

# In rounds: one round is the time in which every unfinished request could be polled once.
ROUNDS = 1.2
# At light load, where polls are saved on purpose.
CALM_ROUNDS = 10.0
CALM_SECONDS = 60.0
SHORTEST = 1.0
LEAST_SHARE = 0.01
LARGEST_SHARE = 0.4
LATE_ROUNDS = 1.3
# Of polls while the budget is short, or many are overdue, for requests past the longest time that the configuration allows:
# a backlog that grew old would else take all polls from a view that follows it.
OVERDUE_SHARE = 0.2
_HOARD = 3.0
# So much of what the models had expected of such polls is no reason for more of them, while finishes are noticed in time.
_EXPECTED = 0.4


class Quota:
    """The part of the polls that goes to whoever was not asked for longest."""

    def __init__(self) -> None:
        self.chosen = Rate(2.0, 5.0)
        self._stale = Rate(1.0, 5.0)
        self._urgency = 1.0
        self._least_urgency = 0.3
        self._longest_round = 0.0
        self._saved = Ration(_HOARD)
        self._overdue = Ration(1.0)
        # Those for which nothing was saved up yet.
        self._polls = 0

    @property
    def share(self) -> float:
        share = self._urgency * self._stale.over(self.chosen)
        return LEAST_SHARE if share < LEAST_SHARE else share if share < LARGEST_SHARE else LARGEST_SHARE

    def due(self, unasked: float, *, round_time: float, calm: bool, few: bool, longest: float) -> bool:
        """Whether a request that was not asked about for `unasked` seconds is to be polled now. `longest` seconds is the
        bound that the configuration gives; of a few requests it holds for everyone at light load."""
        self._overdue.grow(1.0 if calm and few else OVERDUE_SHARE)
        if unasked > longest and self._overdue.due:
            self._overdue.spend()
            return True
        self._polls += 1
        if unasked <= (CALM_ROUNDS if calm else ROUNDS) * round_time or unasked <= (CALM_SECONDS if calm else SHORTEST):
            return False
        self._saved.grow(self.share * self._polls)
        self._polls = 0
        if not self._saved.due:
            return False
        self._saved.spend()
        return True

    def polled(self, *, stale: bool, found: bool, expected: float = 0.0) -> None:
        """`expected` is the probability with which the models expected a stale one to be found."""
        if stale:
            self._stale.saw(found - (_EXPECTED * expected if self._urgency < 1 else 0.0))
        else:
            self.chosen.saw(found)

    def noticed(self, delay: float, *, round_time: float) -> bool:
        """A finish was noticed after `delay` seconds: whether that was late. One in a hundred may be."""
        self._longest_round = max(round_time, self._longest_round * 0.998)
        late = delay > LATE_ROUNDS * self._longest_round
        self._urgency = min(8.0, self._urgency * 1.15) if late else max(self._least_urgency, self._urgency * 0.9985)
        return late

    def relax(self) -> None:
        """The order of the queue is known: what was not asked about waits for its turn, and need not be looked at."""
        self._urgency, self._least_urgency = 0.1, 0.02
        self.chosen = Rate(2.0, 5.0)

    def tighten(self) -> None:
        self._urgency, self._least_urgency = max(1.0, self._urgency), 0.3
