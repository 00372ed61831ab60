"""The budget, counted at the vendor's door."""

from heapq import heappop, heappush
from math import ceil, inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.budget import (
    LOST_CALL_SECONDS,
    MARGIN,
    RESERVATION,
    RESTART_SECONDS,
    UNLIMITED,
    WHOLE_ENTRIES,
    Budget,
    Limit,
    Spent,
    burst,
    daily,
    whole,
)


def reserve(budget: Budget, now: float) -> None:
    budget.reserved(budget.statement(now))


def most_in_a_window(times: list[float], seconds: float) -> int:
    """The most of the sorted times that lie in any closed window of that length."""
    return max((sum(1 for time in times if start <= time <= start + seconds) for start in times), default=0)


latencies = st.lists(st.floats(0.0, 40.0), min_size=1, max_size=120)


@settings(max_examples=200, deadline=None)
@given(
    calls=st.integers(1, 12),
    seconds=st.sampled_from([0.5, 1.0, 5.0]),
    latencies=latencies,
    where=st.floats(0.0, 1.0),
    patience=st.floats(0.0, 3.0),
)
def test_no_window_at_the_door_holds_more_than_allowed_whatever_the_latency(
    calls: int, seconds: float, latencies: list[float], where: float, patience: float
) -> None:
    budget, now = Budget([burst(calls=calls, seconds=seconds)]), 1000.0
    door: list[float] = []
    answers: list[float] = []
    for latency in latencies:
        while (free := budget.free_at(now)) > now:
            now = min(free, answers[0] if answers else inf)
            while answers and answers[0] <= now:
                budget.end(heappop(answers))
        budget.start()
        door.append(now + latency * where)
        heappush(answers, now + latency)
        now += patience if latency > 20 else 0.0
    assert most_in_a_window(sorted(door), seconds) <= calls


def test_a_backlog_uses_the_allowed_calls_but_for_the_time_that_answers_take() -> None:
    budget, now, made = Budget([burst(calls=12, seconds=5.0)]), 0.0, 0
    answers: list[float] = []
    while now < 500.0:
        free = budget.free_at(now)
        if free <= now:
            budget.start()
            made += 1
            answers.append(now + 0.05)
            continue
        now = min(free, answers[0] if answers else inf)
        while answers and answers[0] <= now:
            budget.end(answers.pop(0))
    assert made >= 0.97 * 12 * 100


def test_a_call_of_unknown_fate_occupies_its_window_until_it_can_no_longer_arrive() -> None:
    budget = Budget([burst(calls=1, seconds=5.0)])
    budget.start()
    budget.end(10.0 + LOST_CALL_SECONDS)
    assert budget.free_at(10.0) == pytest.approx(10.0 + LOST_CALL_SECONDS + 5.0 + MARGIN)


def test_after_a_restart_without_proof_the_first_window_counts_as_full() -> None:
    budget = Budget([burst(calls=3, seconds=5.0)])
    budget.fill(100.0)
    assert not budget.free(105.0 + RESTART_SECONDS)
    assert budget.free(105.0 + RESTART_SECONDS + MARGIN)


def test_after_a_clean_stop_the_stored_calls_are_what_counts() -> None:
    former = Budget([burst(calls=3, seconds=5.0)])
    former.start()
    former.end(99.0)
    budget = Budget([burst(calls=3, seconds=5.0)])
    statement = former.closing_statement(100.0)
    assert budget.proven(statement)
    budget.restore(statement, 100.5)
    assert [window.used(100.5) for window in budget.windows] == [1]
    assert budget.free(100.5)


def test_a_clean_stop_proves_nothing_of_a_period_changed_before_the_next_start() -> None:
    former = Budget([burst(calls=3, seconds=5.0), daily(1000)])
    for at in (91.0, 99.0):
        reserve(former, at)
        former.start()
        former.end(at)
    statement = former.closing_statement(100.0)
    longer = Budget([burst(calls=3, seconds=60.0), daily(1000)])
    assert not longer.proven(statement)
    longer.restore(statement, 100.5)
    longer.fill(100.5)
    assert longer.free_at(100.5) >= 151.0 + MARGIN
    assert longer.windows[1].used(100.5) == 2


def test_a_durable_window_lets_no_call_start_before_a_reservation_is_stored() -> None:
    budget = Budget([daily(1000)])
    assert budget.wants_reservation()
    assert budget.free_at(0.0) == inf
    reserve(budget, 0.0)
    assert budget.free(0.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["call", "store", "minute", "crash"]), max_size=150), st.integers(1, 40))
def test_no_day_holds_more_than_allowed_across_crashes(steps: list[str], calls: int) -> None:
    limit = Limit(name="daily", calls=calls, seconds=86400.0, grain=60.0, durable=True)
    budget, now, made = Budget([limit]), 0.0, 0
    stored: dict[int, Spent] = {}
    for step in steps:
        now += 60.0 if step == "minute" else 0.001
        if step == "call" and budget.free(now):
            budget.start()
            made += 1
            budget.end(now)
        elif step == "store":
            statement = budget.statement(now)
            stored |= {spent.key: spent for spent in statement.spent}
            budget.reserved(statement)
        elif step == "crash":
            budget = Budget([limit])
            budget.restore(stored.values(), now)
    assert made <= calls


def test_a_lower_pace_narrows_the_burst_and_never_to_nothing() -> None:
    budget = Budget([burst(calls=10, seconds=5.0)])
    budget.pace = 0.25
    for _ in range(2):
        assert budget.free(0.0)
        budget.start()
    assert not budget.free(0.0)
    budget = Budget([burst(calls=2, seconds=5.0)])
    budget.pace = 0.1
    assert budget.free(0.0)


def test_a_smaller_limit_after_a_reload_counts_the_calls_made_before() -> None:
    budget = Budget([burst(calls=5, seconds=5.0)])
    for _ in range(4):
        budget.start()
        budget.end(0.0)
    budget.resize([burst(calls=4, seconds=5.0)], 1.0)
    assert not budget.free(1.0)


def test_a_window_that_a_reload_makes_longer_counts_as_full_for_calls_are_forgotten() -> None:
    budget = Budget([burst(calls=5, seconds=5.0)])
    budget.resize([burst(calls=5, seconds=60.0)], 100.0)
    assert not budget.free(159.0)
    assert budget.free(160.0 + MARGIN)


def test_the_day_is_logged_by_the_minute_so_that_its_log_stays_short() -> None:
    budget = Budget([daily(500_000)])
    window = budget.windows[0]
    for second in range(7200):
        window.start()
        window.end(float(second))
    assert len(window.log(7200.0)) <= 121
    assert window.used(7200.0) == 7200


def shared(*, calls: int, share: int, seconds: float = 5.0) -> list[Limit]:
    own = burst(calls=share, seconds=seconds)
    return [own, whole(own, calls=calls)]


class Traffic:
    """Our calls and those of others, and when each was at the door and was answered. Counts without any cleverness."""

    def __init__(self, *, calls: int, share: int) -> None:
        self.budget = Budget(shared(calls=calls, share=share))
        self.now = 1000.0
        self.made: list[tuple[float, float, bool]] = []
        self._answers: list[tuple[float, bool]] = []

    def make(self, *, ours: bool, latency: float, where: float) -> None:
        self.budget.start() if ours else self.budget.start_other()
        self.made.append((self.now + latency * where, self.now + latency, ours))
        heappush(self._answers, (self.now + latency, ours))

    def go_on(self, until: float) -> None:
        self.now = max(self.now, until)
        while self._answers and self._answers[0][0] <= self.now:
            at, ours = heappop(self._answers)
            self.budget.end(at) if ours else self.budget.end_other(at)

    def wait(self) -> None:
        """Until one of ours may start."""
        while (free := self.budget.free_at(self.now)) > self.now:
            self.go_on(min(free, self._answers[0][0] if self._answers else inf))

    def count(self, *, ours_only: bool) -> int:
        """With the calls of others their ends are rounded up."""
        grain = 0.0 if ours_only else 5.0 / WHOLE_ENTRIES
        ends = ((ceil(end / grain) * grain if grain else end, ours) for _, end, ours in self.made if end <= self.now)
        under_way = [ours for _, end, ours in self.made if end > self.now]
        recent = [ours for end, ours in ends if end + 5.0 + MARGIN > self.now] + under_way
        return sum(ours or not ours_only for ours in recent)


traffic = st.lists(st.tuples(st.booleans(), st.floats(0.0, 8.0), st.floats(0.0, 1.0)), max_size=120)


@settings(max_examples=200, deadline=None)
@given(calls=st.integers(1, 12), share=st.integers(1, 12), steps=traffic)
def test_none_of_our_calls_finds_the_account_full_at_the_door_however_others_call(
    calls: int, share: int, steps: list[tuple[bool, float, float]]
) -> None:
    scene = Traffic(calls=calls, share=min(share, calls))
    for ours, latency, where in steps:
        scene.wait() if ours else scene.go_on(scene.now + latency / 10)
        scene.make(ours=ours, latency=latency, where=where)
    assert most_in_a_window(sorted(at for at, _, ours in scene.made if ours), 5.0) <= min(share, calls)
    for place, (door, _, ours) in enumerate(scene.made):
        earlier = [at for at, _, _ in scene.made[:place] if abs(at - door) <= 5.0]
        assert not ours or len(earlier) < calls


@settings(max_examples=200, deadline=None)
@given(calls=st.integers(1, 12), share=st.integers(1, 12), steps=traffic)
def test_others_never_wait_and_leave_us_the_lesser_of_our_share_and_the_rest(
    calls: int, share: int, steps: list[tuple[bool, float, float]]
) -> None:
    scene = Traffic(calls=calls, share=min(share, calls))
    for ours, latency, where in steps:
        scene.go_on(scene.now + latency / 10)
        room = min(min(share, calls) - scene.count(ours_only=True), calls - scene.count(ours_only=False))
        assert scene.budget.free(scene.now) == (room > 0)
        if room > 0 or not ours:
            scene.make(ours=ours, latency=latency, where=where)


def test_while_a_call_of_others_waits_for_its_place_ours_do_not_take_it() -> None:
    budget = Budget(shared(calls=2, share=2))
    budget.start_other()
    with budget.other_waiting():
        assert not budget.free(0.0)
        assert budget.other_free_at(0.0) == 0.0
    assert budget.free(0.0)
    budget.start_other()
    assert budget.other_free_at(0.0) == inf
    budget.end_other(1.0)
    assert budget.other_free_at(1.0) == pytest.approx(6.0 + MARGIN, abs=5.0 / WHOLE_ENTRIES)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["ours", "theirs", "store", "minute", "crash"]), max_size=150), st.integers(2, 40))
def test_the_day_of_the_account_is_known_across_crashes(steps: list[str], calls: int) -> None:
    day = Limit(name="daily", calls=calls, seconds=86400.0, grain=60.0, durable=True)
    limits = [day, whole(day, calls=calls)]
    budget, now, made = Budget(limits), 0.0, 0
    stored: dict[tuple[str, int], Spent] = {}
    for step in steps:
        now += 60.0 if step == "minute" else 0.001
        if step == "ours" and budget.free(now):
            assert made < calls
            budget.start()
            budget.end(now)
            made += 1
        elif step == "theirs" and not budget.wants_reservation():
            budget.start_other()
            budget.end_other(now)
            made += 1
        elif step == "store":
            statement = budget.statement(now)
            stored |= {(spent.window, spent.key): spent for spent in statement.spent}
            budget.reserved(statement)
        elif step == "crash":
            budget = Budget(limits)
            budget.restore(stored.values(), now)


def test_a_window_that_a_reload_adds_knows_the_calls_before_and_those_under_way() -> None:
    own = burst(calls=5, seconds=5.0)
    budget = Budget([own])
    for _ in range(3):
        budget.start()
    budget.end(100.0)
    budget.resize([own, whole(own, calls=3), daily(1)], 100.0)
    assert [window.used(100.0) for window in budget.windows] == [3, 3, 2]
    budget.end(100.0)
    budget.end(100.0)
    assert [window.used(106.0) for window in budget.windows] == [0, 0, 2]


def test_a_day_without_a_limit_is_counted_and_waits_for_nothing() -> None:
    budget = Budget([burst(calls=3, seconds=5.0), daily(UNLIMITED)])
    assert budget.free(0.0)
    assert budget.rate == 3 / 5.0
    budget.start()
    reservation = [one for one in budget.statement(1.0).spent if one.key == RESERVATION]
    assert reservation == [Spent(window="daily", key=RESERVATION, calls=1, time=None)], "only the call under way"


def test_a_new_daily_limit_knows_the_calls_before_and_waits_for_its_reservation() -> None:
    budget = Budget([daily(UNLIMITED)])
    for _ in range(3):
        budget.start()
        budget.end(1.0)
    former = budget.statement(1.0)
    budget.resize([daily(4)], 2.0)
    budget.reserved(former)
    assert budget.free_at(2.0) == inf, "what was stored about the day without a limit is no reservation"
    reserve(budget, 2.0)
    assert budget.free(2.0)
    budget.start()
    assert not budget.free(3.0)


def test_however_many_calls_others_make_the_log_of_a_whole_window_stays_short() -> None:
    budget = Budget(shared(calls=25, share=12))
    for number in range(20_000):
        budget.start_other()
        budget.end_other(number / 4000)
    (window,) = [window for window in budget.windows if window.limit.whole]
    assert len(window.log(5.0)) <= WHOLE_ENTRIES + 2
    assert window.used(5.0) == 20_000
