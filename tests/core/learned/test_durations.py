"""Who is worth most by its age."""

from random import Random

import pytest

from exporter.core.learned.durations import SHORTEST_GAP, Durations
from exporter.core.learned.promise import EFFORTS, Promise
from exporter.core.learned.roster import Peers, Roster
from exporter.core.schedule import Unfinished
from tests.core.learned.trial import START

HEADS = 30


def a_roster(random: Random) -> Roster:
    roster = Roster()
    requests = [
        Unfinished(
            api="lead_update",
            origin=START - random.expovariate(1 / 60),
            dated=random.random() < 0.8,
            erring=random.random() < 0.1,
        )
        for _ in range(HEADS)
    ]
    roster.add(range(HEADS), requests, START)
    return roster


def of_all(durations: Durations, roster: Roster, now: float, *, calm: bool) -> tuple[int | None, float]:
    """The first of those worth most, after valuing everybody."""
    rested = [slot for slot in range(HEADS) if now - roster.since(slot) >= SHORTEST_GAP]
    worth = {slot: durations.worth(slot, now, calm=calm) for slot in rested}
    best = max(worth, key=worth.__getitem__, default=None)
    return (None, 0.0) if best is None or not worth[best] else (best, worth[best])


@pytest.mark.parametrize("calm", [False, True])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pace", [0.05, 0.4, 5.0])
def test_who_is_worth_most_is_found_without_valuing_everybody(pace: float, seed: int, calm: bool) -> None:
    """While polls teach the tables, plans are made anew, and whoever finished is replaced."""
    random = Random(seed)
    roster = a_roster(random)
    durations, now = Durations(roster, Promise(EFFORTS["normal"])), START + 1.0
    for _ in range(400):
        now += random.expovariate(1 / pace)
        found = durations.best(range(HEADS), now, 0.0, calm=calm)
        assert found == of_all(durations, roster, now, calm=calm)
        slot = found[0]
        if slot is None:
            continue
        durations.left(slot)
        finished = random.random() < 0.3
        durations.learn(slot, now, finished=finished)
        if finished:
            roster.add((slot,), (Unfinished(api="lead_update", origin=now),), now)
        else:
            roster.unfinished(slot, now, erring=roster.peers[slot] == Peers.ERRING)


def test_whoever_is_worth_no_more_than_another_already_is_is_nobody() -> None:
    roster = a_roster(Random(1))
    durations = Durations(roster, Promise(EFFORTS["normal"]))
    best, most = durations.best(range(HEADS), START + 30, 0.0, calm=False)
    assert best is not None
    assert durations.best(range(HEADS), START + 30, most, calm=False) == (None, most)


def test_whoever_was_just_asked_about_does_not_hide_the_others() -> None:
    roster = Roster()
    roster.add((0, 1), [Unfinished(api="lead_update", origin=START - age) for age in (1e-3, 60.0)], START)
    assert Durations(roster, Promise(EFFORTS["normal"])).best((0, 1), START, 0.0, calm=False)[0] == 1
    assert Durations(roster, Promise(EFFORTS["normal"])).best((0,), START, 0.0, calm=False) == (None, 0.0)


@pytest.mark.parametrize("now", [START - 600.0, START - 1.0, START + 30.0])
def test_a_clock_that_was_set_back_makes_no_finish_early(now: float) -> None:
    roster = Roster()
    roster.add((0,), [Unfinished(api="lead_update", origin=START)], START)
    roster.unfinished(0, START + 60.0, erring=False)
    durations = Durations(roster, Promise(EFFORTS["normal"]))
    assert durations.delay(0, now) == 0.0
    assert durations.expected(0, now) == 0.0
