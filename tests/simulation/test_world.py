"""The whole engine through hours of trouble and crashes, against the remote's own truth."""

import pytest

from tests.simulation.world import World


@pytest.mark.parametrize("seed", range(20))
def test_every_promise_holds_through_crashes_and_trouble(seed: int) -> None:
    world = World(seed)
    world.run()
    assert len(world.accepted) > 100
