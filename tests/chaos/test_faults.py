from random import Random

from tests.chaos.faults import FIRST, Fault, schedule


async def nothing(lasting: float) -> None:
    """Nobody strikes here."""


FAULTS = [Fault("kill", nothing, 2, 4, 1.5), Fault("lock", nothing, 0, 1, 4.0)]


def test_the_same_seed_plans_the_same_faults() -> None:
    first, second = (schedule(FAULTS, Random("7/faults"), seconds=20.0) for _ in range(2))
    assert first == second
    assert first != schedule(FAULTS, Random("8/faults"), seconds=20.0)


def test_faults_are_as_many_and_last_as_long_as_they_say() -> None:
    for seed in range(50):
        planned = schedule(FAULTS, Random(seed), seconds=20.0)
        kills = [one for one in planned if one.fault.name == "kill"]
        assert 2 <= len(kills) <= 4
        assert len(planned) - len(kills) <= 1
        assert all(FIRST <= one.at <= 20.0 and 0.1 <= one.lasting <= one.fault.longest for one in planned)
        assert planned == sorted(planned, key=lambda one: one.at)
