"""What it takes to decide on a poll and to take its answer over, without a network, a store and an event loop.

`python -m benchmarks.polling.decisions [--accounts 200] [--polls 100000] [--profile KIND]` prints the microseconds of CPU for a
poll that shows nothing new: Watch.next, the reservation, Watch.confirmed and the note for the journal. Accounts take turns, and 64
calls are under way at once, as in `benchmarks.polls`.
"""

import argparse
import cProfile
import gc
import pstats
import time
from collections import deque
from collections.abc import Sequence
from random import Random

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, Polling, RateLimit, Settings
from exporter.core.ledger import Ledger
from exporter.core.request import Report, Status, Submission
from exporter.core.watch import StatusCall, Watch
from exporter.engine.build import Words, bounds, new_watch

AT_ONCE = 64
REQUESTS_EACH = 50
PER_SECOND = 5000.0
# The least of so many is told: other work on the machine only adds to it.
SLICES = 40
START = 1_800_000_000.0
API = "lead_update"
QUEUED = Report(status=Status.IN_QUEUE, current_step="none", last_step="none")
# (policy, whether it is known when requests were submitted, and so in which order).
KINDS = {
    "round_robin": ("round_robin", False),
    "learned": ("learned", False),
    "learned, in order": ("learned", True),
}


class Load:
    """Accounts whose requests do not finish, each in turn."""

    def __init__(self, accounts: int, *, policy: str, dated: bool) -> None:
        self._now = START
        self._watches = watches(accounts, policy=policy, dated=dated)
        self._under_way: deque[tuple[Watch, StatusCall]] = deque()
        self._notes: dict[str, Watch] = {}

    def answer_once(self) -> None:
        """The first answer of a request is a transition, which takes a commit; the others are measured."""
        for _ in range(2 * REQUESTS_EACH):
            for watch in self._watches:
                todo = watch.next(self._now)
                if isinstance(todo, StatusCall):
                    self._take(watch, todo)
            self._now += 0.2

    def polls(self, count: int) -> float:
        """The CPU seconds that each took."""
        gc.collect()
        done, began = 0, time.process_time()
        while done < count:
            for watch in self._watches:
                self._now += 1 / PER_SECOND
                todo = watch.next(self._now)
                watch.budget.wants_reservation()
                if not isinstance(todo, StatusCall):
                    continue
                self._under_way.append((watch, todo))
                if len(self._under_way) >= AT_ONCE:
                    self._take(*self._under_way.popleft())
                    done += 1
        return (time.process_time() - began) / done

    def _take(self, watch: Watch, call: StatusCall) -> None:
        if watch.confirmed(call, QUEUED, now=self._now):
            self._notes[call.request_id] = watch
            return
        change = watch.answered(call, QUEUED, now=self._now)
        if change is not None:
            watch.applied(change, now=self._now)


def watches(accounts: int, *, policy: str, dated: bool) -> Sequence[Watch]:
    settings = Settings(accounts=(), polling=Polling(policy=policy, effort="high"))
    ledger, words, random = Ledger(bounds(settings)), Words(settings), Random(1)
    found = []
    for number in range(accounts):
        watch = new_watch(
            _account(number), settings, shared=False, ledger=ledger, words=words, random=random, now=START
        )
        requests = [
            Submission(
                request_id=f"{number}-{one}",
                account=watch.account,
                api=API,
                source="push",
                submitted=START + one / 100 if dated else None,
                first_seen=START,
            )
            for one in range(REQUESTS_EACH)
        ]
        watch.admit(requests, range(REQUESTS_EACH), START)
        found.append(watch)
    return found


def _account(number: int) -> Account:
    return Account(
        name=f"account-{number:03}",
        base_url="http://127.0.0.1",
        api_key=InlineSecret("benchmark"),
        rate_limit=RateLimit(calls=100_000, period=1.0),
        apis={API: Api(name=API, status_path="/lead/update/status", metrics_path=None)},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--polls", type=int, default=100_000)
    parser.add_argument("--profile", choices=KINDS)
    arguments = parser.parse_args()
    for kind, (policy, dated) in KINDS.items():
        if arguments.profile not in (None, kind):
            continue
        load = Load(arguments.accounts, policy=policy, dated=dated)
        load.answer_once()
        load.polls(arguments.polls // 5)
        if arguments.profile:
            with cProfile.Profile() as profiler:
                load.polls(arguments.polls)
            pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
        else:
            print(f"{kind}: {1e6 * min(load.polls(arguments.polls // SLICES) for _ in range(SLICES)):.1f} us")


if __name__ == "__main__":
    main()
