"""How much there is to do."""

import pytest

from exporter.core.learned.load import LULL, Load

START = 1_800_000_000.0


def test_a_steady_stream_is_measured() -> None:
    load = Load()
    for number in range(3000):
        now = START + number
        load.arrived(2, now)
        load.finished(20.0, now)
    assert load.arrival_rate(now) == pytest.approx(2.0, rel=0.02)
    assert load.finish_rate(now) == pytest.approx(1.0, rel=0.02)
    assert load.lasted == pytest.approx(20.0)


def test_a_lone_request_is_little_load() -> None:
    load = Load()
    load.arrived(1, START)
    assert load.arrival_rate(START) < 0.05


def test_the_pause_between_two_bursts_is_load_still() -> None:
    load = Load()
    load.arrived(600, START)
    assert load.arrival_rate(START + LULL / 10) > 1


def test_before_some_finishes_no_rate_is_told() -> None:
    load = Load()
    for second in range(3):
        load.finished(1.0, START + second)
    assert load.finish_rate(START + 3) == 0


def test_there_are_polls_to_spare_as_far_as_arrivals_finishes_and_ages_leave_them() -> None:
    load = Load()
    for second in range(2000):
        load.arrived(1, START + second)
        load.finished(10.0, START + second)
    now = START + 2000
    assert load.spare(5.0, unfinished=10, origins=now - 10, now=now) == pytest.approx(5.0, rel=0.05)
    # A backlog of young requests, each of which has its last hundred seconds before it.
    assert load.spare(5.0, unfinished=1000, origins=now - 10, now=now) == pytest.approx(0.05)
