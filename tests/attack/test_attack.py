"""A few seconds of the attack; `make attack MINUTES=60` goes on for longer."""

from tests.attack.assault import attack
from tests.loops import run


def test_no_answer_makes_a_call_hang_repeat_itself_or_end_as_a_defect() -> None:
    tally = run(attack(seed=1, seconds=4.0))
    assert tally.findings == []
    assert tally.outcomes["poll: good"] > 20
    assert tally.outcomes["gateway: good"] > 20
