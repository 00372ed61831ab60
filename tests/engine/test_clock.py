"""The steady clock, and the wall clock beside it."""

from dataclasses import dataclass, field

import pytest

from exporter.clock import READINGS, TOLERANCE, SteadyClock
from tests.clocks import STEPS


@dataclass
class Hands:
    """Both clocks of a machine, moved by hand. `interruptions` are waits behind readings of the wall clock."""

    wall: float = 1_780_000_000.0
    since_boot: float = 500.0
    interruptions: list[float] = field(default_factory=list)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.since_boot += seconds

    def read_wall(self) -> float:
        read = self.wall
        if self.interruptions:
            self.pass_by(self.interruptions.pop())
        return read

    def clock(self) -> SteadyClock:
        return SteadyClock(wall=self.read_wall, since_boot=lambda: self.since_boot)


@pytest.mark.parametrize("step", STEPS)
def test_the_steady_clock_does_not_see_that_the_wall_clock_is_set(step: float) -> None:
    hands = Hands()
    clock = hands.clock()
    hands.pass_by(10.0)
    hands.wall += step
    hands.pass_by(5.0)
    assert clock.now() == 1_780_000_015.0
    assert clock.ahead() == step
    assert clock.wall() == hands.wall
    hands.wall -= step
    assert clock.ahead() == 0.0


def test_a_difference_too_small_to_be_a_step_is_none() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall += TOLERANCE / 2
    assert clock.ahead() == 0.0
    hands.wall += TOLERANCE
    assert clock.ahead() == pytest.approx(1.5 * TOLERANCE)


def test_an_interruption_between_the_two_clocks_is_no_step() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.interruptions = [0.0, *[3.0] * (READINGS - 1), 3.0]
    assert clock.ahead() == 0.0
    assert hands.interruptions == []


def test_two_processes_of_one_boot_know_by_how_much_the_clock_was_set_between_them() -> None:
    hands = Hands()
    first = hands.clock().boot()
    hands.pass_by(100.0)
    hands.wall += 600.0
    second = hands.clock().boot()
    assert first is not None
    assert second is not None
    assert (second.name, second.offset - first.offset) == (first.name, 600.0)
