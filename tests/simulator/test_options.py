"""The switches as data."""

from pathlib import Path

import pytest

from exporter.errors import ConfigurationError
from exporter.simulator.options import BY_NAME, SWITCHES, Options, Unit, markdown, read_changes

MANUAL = Path(__file__).parents[2] / "docs" / "simulator.md"

WRONG = [
    ("fault.reset", "1.1", "must be a probability from 0 to 1, got 1.1"),
    ("fault.reset", "nan", "must be a probability from 0 to 1, got nan"),
    ("fault.reset", "often", "must be a probability from 0 to 1, got often"),
    ("queue.service-time", "5", "must be a duration such as 30s or 1h30m, got 5"),
    ("queue.service-time", -1, "must be a duration such as 30s or 1h30m, got -1"),
    ("queue.rate", "-1", "must be a number >= 0, got -1"),
    ("queue.rate", "inf", "must be a number >= 0, got inf"),
    ("queue.time-scale", "0", "must be a number > 0, got 0"),
    ("queue.workers", "0", "must be an integer >= 1, got 0"),
    ("queue.workers", "1.5", "must be an integer >= 1, got 1.5"),
    ("queue.workers", True, "must be an integer >= 1, got True"),
    ("limit.retry-after", "maybe", "must be true or false, got maybe"),
    ("limit.retry-after", 1, "must be true or false, got 1"),
    ("limit.form", "odd", "must be one of envelope, gateway, gateway-quota, ok, got odd"),
    ("id.param", "", "must be a text, got "),
]


@pytest.mark.parametrize(("name", "value", "complaint"), WRONG)
def test_a_wrong_value_is_told_with_what_is_allowed(name: str, value: object, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_changes({name: value})
    assert refused.value.problems == [f"{name}: {complaint}"]


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("fault.reset", "0.5", 0.5),
        ("fault.reset", 1, 1),
        ("queue.service-time", "1m30s", 90.0),
        ("queue.service-time", 1.5, 1.5),
        ("queue.workers", "7", 7),
        ("limit.retry-after", "true", True),
        ("limit.retry-after", False, False),
        ("limit.form", "gateway", "gateway"),
        ("id.param", "requestId", "requestId"),
    ],
)
def test_a_right_value_is_read_from_a_flag_or_from_json(name: str, value: object, read: object) -> None:
    assert read_changes({name: value}) == {BY_NAME[name].field: read}


def test_values_given_in_code_are_checked_and_all_mistakes_told() -> None:
    with pytest.raises(ConfigurationError) as refused:
        Options(queue_workers=0, limit_form="odd")
    assert refused.value.problems == [
        "queue.workers: must be an integer >= 1, got 0",
        "limit.form: must be one of envelope, gateway, gateway-quota, ok, got odd",
    ]


def test_faults_can_not_come_to_more_than_every_call() -> None:
    Options(fault_reset=0.5, fault_cut=0.5)
    with pytest.raises(ConfigurationError, match="must not come to more than 1"):
        Options(fault_reset=0.6, fault_cut=0.5)


def test_a_pause_is_shorter_than_the_time_between_pauses() -> None:
    with pytest.raises(ConfigurationError, match=r"queue\.pause-for: must be shorter than queue\.pause-every"):
        Options(queue_pause_every=10.0, queue_pause_for=10.0)


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_a_default_can_be_read_back_from_how_it_is_shown(switch: object) -> None:
    assert isinstance(switch, type(SWITCHES[0]))
    assert switch.help
    assert switch.unit is not Unit.CHOICE or switch.default in switch.choices
    shown = switch.show(switch.default)
    assert switch.read(shown) == switch.default


def test_the_manual_has_the_table_of_the_switches() -> None:
    assert markdown() in MANUAL.read_text(encoding="utf-8")
