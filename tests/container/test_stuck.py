"""What the compose stack is for. In a file that comes last, because the updates have to be stuck for a while."""

import pytest

from tests.container.stack import Stack
from tests.e2e.processes import eventually, fetch_json

pytestmark = pytest.mark.heavy

STUCK = "LeadSquaredRequestsStuck"


def firing(stack: Stack) -> list[str]:
    return [one["labels"]["alertname"] for one in fetch_json(f"{stack.url('alertmanager')}/api/v2/alerts")]


def test_a_queue_that_stands_still_is_an_alert_in_alertmanager(stack: Stack) -> None:
    assert STUCK in eventually(lambda: firing(stack), fits=lambda names: STUCK in names, seconds=240)
