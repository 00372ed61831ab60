"""What the learned policy polls next: it forgets nobody, and learns where an answer saves most delay."""

import gc
import json
import tracemalloc
from collections import Counter
from itertools import pairwise
from math import inf, log
from random import Random
from statistics import fmean

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exporter.core.learned.pacer import HASTE
from exporter.core.learned.policy import Learned
from exporter.core.learned.promise import EFFORTS
from exporter.core.learned.selector import View
from exporter.core.schedule import RoundRobin, Unfinished
from tests.core.learned.trial import START, Job, Trial

RATE, BURST = 5.0, 25.0


def a_policy(
    *, seed: int = 1, rate: float = RATE, effort: str = "high", max_staleness: float = 1800.0, now: float = START
) -> Learned:
    return Learned(rate=rate, burst=BURST, effort=effort, max_staleness=max_staleness, random=Random(seed), now=now)


def arriving(
    durations: list[float], *, every: float, api: str = "lead_update", ordered: bool = False, dated: bool = True
) -> list[Job]:
    """One request after the other, `every` seconds."""
    return [
        Job(
            submitted=number * every,
            finishes=number * every + duration,
            order=number if ordered else None,
            api=api,
            dated=dated,
        )
        for number, duration in enumerate(durations)
    ]


def fifo(count: int, *, speed: float, every: float = 0.0) -> list[Job]:
    """Requests that one server works off in order."""
    jobs, free = [], 0.0
    for number in range(count):
        free = max(free, number * every) + 1 / speed
        jobs.append(Job(submitted=number * every, finishes=free, order=number))
    return jobs


def in_round_robin(jobs: list[Job], until: float) -> Trial:
    """The same requests, the longest unpolled first, as many calls."""
    trial = Trial(Paced(START - 1), jobs)
    return trial.run(until)


class Paced(RoundRobin):
    """Round robin that spreads its calls as a budget of 5 calls/s would."""

    def __init__(self, epoch: float) -> None:
        super().__init__(epoch)
        self._free = START

    def next(self, now: float) -> int | None:
        slot = super().next(now) if now >= self._free - 1e-6 else None
        if slot is not None:
            self._free = max(self._free, now - 1) + 1 / RATE / HASTE
        return slot

    def due(self) -> float | None:
        due = super().due()
        return None if due is None else max(due, self._free)


class AnyLife(RuleBasedStateMachine):
    """Requests come, are asked about, answer in any way, are put off, given up and handed in again."""

    slots = st.integers(0, 11)

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.policy = a_policy()
        self.waiting: dict[int, float] = {}
        self.out: set[int] = set()

    @initialize(effort=st.sampled_from(sorted(EFFORTS)), max_staleness=st.sampled_from([30.0, 60.0]))
    def choose(self, effort: str, max_staleness: float) -> None:
        self.policy = a_policy(effort=effort, max_staleness=max_staleness)

    @rule(
        slot=slots,
        age=st.floats(-5, 1e4),
        order=st.one_of(st.none(), st.integers(0, 10**6)),
        dated=st.booleans(),
        asked=st.booleans(),
        erring=st.booleans(),
        api=st.sampled_from(["lead_update", "lead_create"]),
    )
    def add(self, slot: int, age: float, order: int | None, dated: bool, asked: bool, erring: bool, api: str) -> None:
        if slot in self.waiting or slot in self.out:
            return
        request = Unfinished(
            api=api,
            origin=self.now - age,
            order=order,
            dated=dated,
            asked=self.now - 1 if asked or erring else None,
            erring=erring,
        )
        self.policy.add((slot,), (request,), now=self.now)
        self.waiting[slot] = 0.0

    @rule(seconds=st.sampled_from([0.01, 0.2, 3.0, 60.0]), picks=st.integers(1, 8))
    def ask(self, seconds: float, picks: int) -> None:
        self.now += seconds
        for _ in range(picks):
            slot = self.policy.next(self.now)
            if slot is None:
                return
            assert slot in self.waiting
            assert self.waiting[slot] <= self.now
            del self.waiting[slot]
            self.out.add(slot)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), erring=st.booleans(), pause=st.sampled_from([0.0, 0.0, 0.0, 5.0, 100.0]))
    def not_yet(self, data: st.DataObject, erring: bool, pause: float) -> None:
        slot = data.draw(st.sampled_from(sorted(self.out)))
        self.policy.unfinished(slot, sent=self.now - 0.1, now=self.now, erring=erring)
        self.come_back(slot, pause)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), pause=st.sampled_from([0.0, 5.0, 100.0]))
    def trouble(self, data: st.DataObject, pause: float) -> None:
        """No usable answer."""
        self.come_back(data.draw(st.sampled_from(sorted(self.out))), pause)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(sorted(self.out)))
        self.policy.place(slot, self.now - 1, self.now)
        self.policy.finished(slot, now=self.now)
        self.out.remove(slot)

    @rule(slot=slots)
    def forget(self, slot: int) -> None:
        self.policy.forget(slot)
        self.waiting.pop(slot, None)
        self.out.discard(slot)

    @rule(slot=slots)
    def hear_of_one_that_is_not_out(self, slot: int) -> None:
        """It was handed in again while the call about the one before was on its way."""
        if slot not in self.out and self.waiting.get(slot, 0.0) == 0.0:
            self.policy.unfinished(slot, sent=self.now, now=self.now, erring=False)
            self.policy.again(slot, now=self.now, not_before=self.now + 30)

    @rule(seconds=st.sampled_from([1.0, 30.0, inf]))
    def block(self, seconds: float) -> None:
        self.policy.blocked(self.now + seconds)
        if seconds < inf:
            self.now += seconds

    @rule(rate=st.sampled_from([0.5, 5.0, 50.0]))
    def pace(self, rate: float) -> None:
        self.policy.pace(rate)

    @rule(speed=st.floats(0.0, 1e3))
    def queue_speed(self, speed: float) -> None:
        self.policy.queue_speed("lead_update", speed, now=self.now)

    @invariant()
    def it_is_due_exactly_while_somebody_waits(self) -> None:
        assert (self.policy.due() is None) == (not self.waiting)

    @invariant()
    def all_are_counted_once(self) -> None:
        assert sum(stream.unfinished for stream in self.policy.streams.values()) == len(self.waiting) + len(self.out)

    def teardown(self) -> None:
        """Everybody who waits is asked within some minutes after his pause, without anything else happening."""
        self.policy.pace(RATE)
        end = max([self.now, *self.waiting.values()]) + 300
        while self.waiting and self.now < end:
            due = self.policy.due()
            assert due is not None
            self.now = max(due, self.now + 1e-3)
            self.ask(0.0, 1)
        assert not self.waiting

    def come_back(self, slot: int, pause: float) -> None:
        self.policy.again(slot, now=self.now, not_before=self.now + pause if pause else 0.0)
        self.out.remove(slot)
        self.waiting[slot] = self.now + pause if pause else 0.0


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("dated", [False, True])
def test_whoever_never_finishes_is_asked_again_and_again(ordered: bool, dated: bool) -> None:
    jobs = arriving([inf] * 100, every=0.1, ordered=ordered and dated, dated=dated)
    trial = Trial(a_policy(max_staleness=100.0), jobs).run(600)
    asked: dict[int, list[float]] = {slot: [0.0] for slot in range(100)}
    for at, slot in trial.polls:
        asked[slot].append(at)
    gaps = [later - earlier for times in asked.values() for earlier, later in pairwise([*times, 600.0])]
    # While the budget is short only a part of it is for who waits too long.
    assert max(gaps) < 250


@pytest.mark.parametrize("effort", ["low", "normal"])
def test_at_light_load_no_request_waits_longer_than_configured(effort: str) -> None:
    trial = Trial(a_policy(effort=effort, max_staleness=60.0), arriving([inf] * 20, every=1.0)).run(2000)
    times: dict[int, list[float]] = {slot: [float(slot)] for slot in range(20)}
    for at, slot in trial.polls:
        times[slot].append(at)
    assert max(later - earlier for one in times.values() for earlier, later in pairwise([*one, 2000.0])) < 70


def test_calls_never_exceed_the_burst_and_the_rate() -> None:
    trial = Trial(a_policy(), arriving([100.0] * 400, every=0.05)).run(120)
    times = [at for at, _ in trial.polls]
    for first in range(0, len(times), 7):
        for later in range(first, len(times), 11):
            assert later - first + 1 <= BURST + 1 + RATE * HASTE * (times[later] - times[first])
    assert len(times) > 110 * RATE


def test_every_request_is_found_and_none_is_asked_about_after_its_finish_was_seen() -> None:
    random = Random(3)
    jobs = arriving([random.expovariate(1 / 20) for _ in range(600)], every=0.5)
    trial = Trial(a_policy(), jobs).run(900)
    assert len(trial.found) == 600
    assert all(at <= trial.found[slot] for at, slot in trial.polls)
    assert min(trial.delays()) >= 0


@pytest.mark.parametrize("spread", [0.15, 0.02])
def test_once_it_knows_when_requests_finish_it_detects_sooner_than_in_turn(spread: float) -> None:
    random = Random(4)
    jobs = arriving([random.lognormvariate(log(40), spread) for _ in range(1800)], every=0.5)
    learned = Trial(a_policy(), jobs).run(1000).delay(after=300)
    assert learned < in_round_robin(jobs, 1000).delay(after=300) / 2


def test_memoryless_requests_are_detected_about_as_soon_as_in_turn() -> None:
    random = Random(5)
    jobs = arriving([random.expovariate(1 / 20) for _ in range(2000)], every=0.5)
    learned = Trial(a_policy(), jobs).run(1100).delay(after=100)
    assert learned < 1.12 * in_round_robin(jobs, 1100).delay(after=100)


def test_a_backlog_worked_off_in_order_is_followed_instead_of_asked_round() -> None:
    jobs = fifo(2000, speed=2.0)
    learned = Trial(a_policy(), jobs).run(1100).delay()
    assert learned < in_round_robin(jobs, 1100).delay() / 10


def test_a_backlog_worked_off_from_its_end_is_left_to_another_view() -> None:
    jobs = [
        Job(submitted=job.submitted, finishes=1000 - job.finishes + 0.5, order=job.order)
        for job in fifo(2000, speed=2.0)
    ]
    policy = a_policy()
    learned = Trial(policy, jobs).run(2200)
    assert len(learned.found) == 2000
    assert policy.streams["lead_update"].selector.view is not View.ORDER
    # It has to find out first, in the one backlog that there is.
    assert learned.delay() < 1.8 * in_round_robin(jobs, 2200).delay()


def test_saving_effort_does_not_wait_where_nearly_every_poll_would_find_a_finish() -> None:
    """The last hundreds of a backlog that goes from its end: neither order nor age expects them."""
    jobs = [Job(submitted=0.0, finishes=667 - job.finishes, order=job.order) for job in fifo(800, speed=1.2)]
    learned = Trial(a_policy(effort="normal"), jobs).run(1300)
    assert len(learned.found) == 800
    # It takes fewer polls, too: with the whole price it was more than three times.
    assert learned.delay() < 2.6 * in_round_robin(jobs, 1300).delay()


def test_a_frontier_that_has_lost_the_queue_does_not_let_the_budget_lie_idle() -> None:
    """A third of a backlog goes in order, the rest from its end: the order lets all wait, and polls seem to be plenty."""
    backlog = fifo(2000, speed=2.0)
    jobs = [
        job
        if job.order is None or job.order < 666
        else Job(submitted=0.0, finishes=1333 - job.finishes, order=job.order)
        for job in backlog
    ]
    trial = Trial(a_policy(effort="normal"), jobs).run(1100)
    assert len(trial.found) == 2000
    assert max(later - earlier for (earlier, _), (later, _) in pairwise(trial.polls) if earlier < 900) < 10


def test_saving_effort_takes_fewer_polls_where_there_is_budget_to_spare() -> None:
    random = Random(6)
    durations = [random.expovariate(1 / 20) for _ in range(300)]
    polls = {
        effort: len(Trial(a_policy(effort=effort), arriving(durations, every=4.0)).run(1400).polls) / 300
        for effort in EFFORTS
    }
    assert polls["low"] < polls["normal"] < polls["high"] / 2


def test_two_apis_with_like_requests_get_like_shares() -> None:
    random = Random(7)
    jobs = sorted(
        [
            *arriving([random.expovariate(1 / 20) for _ in range(500)], every=1.0, api="lead_update"),
            *arriving([random.expovariate(1 / 20) for _ in range(500)], every=1.0, api="lead_create"),
        ],
        key=lambda job: job.submitted,
    )
    trial = Trial(a_policy(), jobs).run(600)
    polls = Counter(jobs[slot].api for _, slot in trial.polls)
    assert max(polls.values()) < 1.4 * min(polls.values())
    delays = {
        api: fmean(at - jobs[slot].finishes for slot, at in trial.found.items() if jobs[slot].api == api)
        for api in polls
    }
    assert max(delays.values()) < 1.35 * min(delays.values())


def test_the_backlog_of_one_api_does_not_starve_another() -> None:
    random = Random(8)
    backlog = [
        Job(submitted=0.0, finishes=random.uniform(600, 3600), api="bulk", order=number) for number in range(3000)
    ]
    lively = arriving([random.expovariate(1 / 10) for _ in range(500)], every=1.0, api="lead_update")
    jobs = sorted([*backlog, *lively], key=lambda job: job.submitted)
    trial = Trial(a_policy(), jobs).run(700)
    delays = [at - jobs[slot].finishes for slot, at in trial.found.items() if jobs[slot].api == "lead_update"]
    assert len(delays) >= 480
    # A round through all takes 600 s.
    assert fmean(delays) < 60
    assert Counter(jobs[slot].api for _, slot in trial.polls)["bulk"] > 500


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_learned_makes_the_next_process_quick_from_its_start(seed: int) -> None:
    random = Random(seed)
    durations = [random.lognormvariate(log(40), 0.1) for _ in range(1000)]
    before, again = a_policy(), a_policy(seed=2)
    Trial(before, arriving(durations, every=0.5)).run(600)
    again.restore(json.loads(json.dumps(before.state())))
    first = arriving(durations[:60], every=0.5)
    restored, anew = (Trial(policy, first).run(200).delay() for policy in (again, a_policy(seed=2)))
    assert restored < 0.8 * anew


def test_requests_taken_over_by_a_restart_are_asked_as_if_there_had_been_none() -> None:
    """The last poll and the order come with them."""
    policy = a_policy()
    for slot in range(50):
        policy.add(
            (slot,), (Unfinished(api="lead_update", origin=START - 100, order=slot, asked=START - slot),), now=START
        )
    now = START
    asked: set[int] = set()
    while len(asked) < 50 and now < START + 120:
        now = max(now + 1e-3, policy.due() or now)
        picked = policy.next(now)
        if picked is not None:
            asked.add(picked)
    assert len(asked) == 50


def test_random_probes_tell_how_many_have_finished_unnoticed() -> None:
    """Far more than can be asked about; half of them finish within the first minute."""
    errors = []
    for seed in range(6):
        random = Random(seed)
        jobs = [Job(submitted=0.0, finishes=30.0 if random.random() < 0.5 else inf) for _ in range(4000)]
        policy = a_policy(seed=seed, rate=20.0)
        trial = Trial(policy, jobs)
        # Not all probes were made since the finishes, and those before saw none.
        trial.run(100)
        estimate = policy.undetected("lead_update")
        assert estimate is not None
        truth = sum(job.finishes <= trial.now for job in jobs) - len(trial.found)
        errors.append((estimate.requests - truth) / estimate.error)
    assert sum(abs(error) < 3 for error in errors) >= 4


def test_a_lone_request_is_enough_for_an_estimate_within_seconds() -> None:
    """However long it takes until the next one comes."""
    policy = a_policy(effort="normal")
    Trial(policy, [Job(submitted=0.0, finishes=inf)]).run(6)
    assert policy.undetected("lead_update") is not None


def test_nothing_is_estimated_of_an_api_without_requests() -> None:
    assert a_policy().undetected("lead_update") is None


def test_an_unfinished_request_costs_at_most_350_bytes() -> None:
    count = 100_000
    requests = [Unfinished(api="lead_update", origin=START + slot / 100, order=slot) for slot in range(count)]
    gc.collect()
    tracemalloc.start()
    policy = a_policy(rate=1e5)
    for slot, request in enumerate(requests):
        policy.add((slot,), (request,), now=request.origin)
    now = START + count / 100
    for _ in range(1000):
        now += 1.0
        asked = policy.next(now)
        if asked is not None:
            policy.unfinished(asked, sent=now, now=now, erring=False)
            policy.again(asked, now=now)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / count <= 350
