"""Polls of requests picked at random."""

from math import sqrt
from random import Random
from statistics import fmean, stdev

import pytest

from exporter.core.learned.probes import Probes
from exporter.core.schedule import Undetected

UNFINISHED = 5000


def estimated(part: float, *, seed: int, probes: int = 300) -> Undetected:
    """After probes of a crowd of which this part has finished."""
    random, found = Random(seed), Probes()
    for _ in range(probes):
        found.made(finished=random.random() < part)
    estimate = found.undetected(UNFINISHED)
    assert estimate is not None
    return estimate


def test_before_the_first_probe_nothing_is_estimated() -> None:
    assert Probes().undetected(UNFINISHED) is None


def test_the_first_probe_is_due_with_the_first_poll_and_the_second_takes_its_share() -> None:
    probes = Probes()
    assert probes.owed.due
    probes.owed.spend()
    assert not probes.owed.due


@pytest.mark.parametrize("share", [0.01, 0.02, 0.1])
def test_probes_are_due_for_their_share_of_the_polls(share: float) -> None:
    probes, made = Probes(), 0
    for _ in range(10_000):
        probes.owed.grow(share)
        if probes.owed.due:
            probes.owed.spend()
            made += 1
    assert made == pytest.approx(10_000 * share, abs=1)


def test_probes_that_could_not_be_made_are_not_saved_up() -> None:
    probes = Probes()
    for _ in range(10_000):
        probes.owed.grow(0.02)
    made = 0
    while probes.owed.due:
        probes.owed.spend()
        made += 1
    assert made == 2


@pytest.mark.parametrize("part", [0.02, 0.2, 0.7])
def test_the_estimate_is_unbiased(part: float) -> None:
    estimates = [estimated(part, seed=seed).requests for seed in range(400)]
    assert abs(fmean(estimates) - part * UNFINISHED) < 3.5 * stdev(estimates) / sqrt(400)


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.9])
def test_twice_the_standard_error_holds_the_truth_19_times_in_20(part: float) -> None:
    covered = 0
    for seed in range(400):
        estimate = estimated(part, seed=seed)
        covered += abs(estimate.requests - part * UNFINISHED) <= 1.96 * estimate.error
    assert 0.91 <= covered / 400 <= 0.99


def test_nothing_found_is_no_certainty() -> None:
    assert estimated(0.0, seed=1).error > 0


def test_a_share_that_changes_is_followed() -> None:
    random, probes = Random(4), Probes()
    for part in (0.9, 0.1):
        for _ in range(500):
            probes.made(finished=random.random() < part)
    estimate = probes.undetected(UNFINISHED)
    assert estimate is not None
    assert estimate.requests == pytest.approx(500, abs=3 * estimate.error)
