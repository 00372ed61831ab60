"""What polls have shown, counted."""

import pytest

from exporter.core.learned.bins import BINS
from exporter.core.learned.trials import Trials


def weighed(trials: Trials, age: float) -> float:
    return sum(found + other for _, last, found, other in trials.counts() if last == BINS.nearest(age))


def test_a_trial_fades_by_one_part_in_the_memory_with_each_finish() -> None:
    trials = Trials(memory=600.0)
    for finishes in range(1200):
        trials.add(3.0, 5.0, found=True, finishes=finishes)
    # 600 (1 - e^-2), in units of the last.
    assert weighed(trials, 5.0) == pytest.approx(519, rel=0.01)


def test_what_was_seen_at_ages_at_which_nobody_asks_any_more_is_kept() -> None:
    trials = Trials(memory=600.0)
    for _ in range(20):
        trials.add(0.0, 3.0, found=False, finishes=20.0)
    for finishes in range(20, 5000):
        trials.add(0.0, 40.0, found=True, finishes=finishes)
    assert weighed(trials, 3.0) == pytest.approx(20.0)


def test_a_few_dozen_trials_replace_what_was_seen_there_long_ago() -> None:
    trials = Trials(memory=600.0)
    for _ in range(20):
        trials.add(0.0, 3.0, found=False, finishes=20.0)
    for step in range(80):
        trials.add(0.0, 3.0, found=True, finishes=1000.0 + 100 * step)
    (count,) = [one for one in trials.counts() if one[1] == BINS.nearest(3.0)]
    assert count[3] < 0.15 * count[2]


def test_trials_within_one_bin_keep_their_time_at_risk() -> None:
    trials = Trials(memory=1e9)
    trials.add(100.0, 100.3, found=False, finishes=0.0)
    trials.add(100.0, 100.2, found=True, finishes=0.0)
    ((first, last, found, seconds),) = trials.counts()
    assert (first, last) == (BINS.of(100.0), BINS.of(100.0))
    assert found == 1.0
    assert seconds == pytest.approx(0.3 + 0.1)


def test_weights_stay_in_bounds_however_long_it_goes_on() -> None:
    trials = Trials(memory=10.0)
    for finishes in range(2000):
        trials.add(3.0, 5.0, found=True, finishes=finishes)
    assert weighed(trials, 5.0) == pytest.approx(1 / (1 - 0.9753), rel=0.05)
    assert max(weight for weight, _ in trials._weights.values()) <= 1e6
