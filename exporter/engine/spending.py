"""What the accounts have spent, as the store keeps it: also for those that are not configured now and may come back."""

from collections.abc import Iterable, Mapping
from functools import partial

from exporter.clock import Clock
from exporter.core.budget import RESTART_SECONDS, Spent, Statement, is_daily, tells_of_others
from exporter.engine.journal import Stated
from exporter.engine.poller import Poller
from exporter.store.store import Contents, SpentCalls

DAY = 86400.0
# Ends of calls are rounded up to the minute.
KEPT_SECONDS = DAY + 60.0


class StoredSpending:
    """The spending of all accounts (Spending).

    A day's calls count whatever happened to the configuration since: what no account's budget holds now is kept until it
    is a day old, and handed to the account when it comes back.
    """

    def __init__(self, *, pollers: Mapping[str, Poller], clock: Clock) -> None:
        self._pollers = pollers
        self._clock = clock
        self._kept: dict[str, list[Spent]] = {}
        self._stopped_cleanly = False
        # What is stored in the place of all, until it is; a later one may be wanted meanwhile.
        self._renewal: object | None = object()

    def load(self, contents: Contents, *, since: float | None) -> None:
        """What the store remembers. Calls without a time were made before now, and may arrive a little later. `since` is how far
        this process's clock is ahead of that by which times were stored; None where it is not known exactly: then a clean stop
        tells nothing of windows of seconds."""
        now = self._clock.now()
        self._stopped_cleanly = contents.stopped_cleanly and since is not None
        for one in contents.spent:
            time = now + RESTART_SECONDS if one.time is None else one.time + (since or 0.0)
            spent = Spent(window=one.window, key=one.key, calls=one.calls, time=time)
            self._kept.setdefault(one.account, []).append(spent)

    def tells_of_others(self, account: str) -> bool:
        """Whether the application's calls of this day were counted, through a gateway that may be gone since."""
        now = self._clock.now()
        return tells_of_others(one for one in self._kept.get(account, ()) if _counts(one, now))

    def begin(self, poller: Poller) -> None:
        """A new budget begins with what was spent before; unless a clean stop tells all, its burst windows count as full."""
        spent = self.recall(poller)
        if not (self._stopped_cleanly and poller.watch.budget.proven(spent)):
            poller.watch.budget.fill(self._clock.now())

    def recall(self, poller: Poller) -> list[Spent]:
        """Hand over what is kept of the windows that a budget has now; all that was kept of the account."""
        name, budget = poller.account.name, poller.watch.budget
        spent = self._kept.pop(name, [])
        budget.restore(spent, self._clock.now())
        rest = [one for one in spent if is_daily(one.window) and not budget.holds(one.window)]
        if rest:
            self._kept[name] = rest
        return spent

    def begun(self) -> None:
        """All accounts of the start have their budgets. How the last stop was tells nothing of those that come later."""
        self._stopped_cleanly = False

    def renew(self) -> None:
        """What is stored has times of a clock that was set since, and some may stand where later ones will: the next statement
        takes the place of all."""
        self._renewal = object()

    def state(self) -> Stated:
        """The calls and the reservations that budgets want to have stored."""
        now, renewal = self._clock.now(), self._renewal
        wanting = [one for one in self._pollers.values() if renewal or one.watch.budget.wants_reservation()]
        if renewal:
            for poller in wanting:
                poller.watch.budget.restate()
        statements = [(poller, poller.watch.budget.statement(now)) for poller in wanting]
        said = [(poller.account.name, statement.spent) for poller, statement in statements]
        spent = self._stored([*said, *self._unclaimed(now)] if renewal else said)
        return Stated(spent, anew=renewal is not None, stored=partial(self._reserved, statements, renewal))

    def closing(self) -> list[SpentCalls]:
        """All that is to be remembered at a clean stop."""
        now = self._clock.now()
        said = [(name, poller.watch.budget.closing_statement(now)) for name, poller in self._pollers.items()]
        return self._stored([*said, *self._unclaimed(now)])

    def _unclaimed(self, now: float) -> list[tuple[str, list[Spent]]]:
        """What no budget holds."""
        return [(name, [one for one in spent if _counts(one, now)]) for name, spent in self._kept.items()]

    def _stored(self, spent: Iterable[tuple[str, Iterable[Spent]]]) -> list[SpentCalls]:
        ahead = self._clock.ahead()
        return [
            SpentCalls(
                account=account,
                window=one.window,
                key=one.key,
                calls=one.calls,
                time=None if one.time is None else one.time + ahead,
            )
            for account, some in spent
            for one in some
        ]

    def _reserved(self, statements: list[tuple[Poller, Statement]], renewal: object | None) -> None:
        if self._renewal is renewal:
            self._renewal = None
        for poller, statement in statements:
            poller.watch.budget.reserved(statement)
            poller.wake()


def _counts(one: Spent, now: float) -> bool:
    return is_daily(one.window) and one.time is not None and one.time > now - KEPT_SECONDS
