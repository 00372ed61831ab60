import pytest

from tests.simulator.caller import Caller, given


@pytest.fixture
def caller() -> Caller:
    return given()
