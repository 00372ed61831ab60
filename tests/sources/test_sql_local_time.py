"""Local times, around each change of a clock, in zones whose clocks change in every way that is in use."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.sql.local_time import LocalTime
from exporter.sources.sql.progress import Progress

# An hour, half an hour, two hours; at midnight, and so into the day before; none.
CHANGES = {
    "Europe/Berlin": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 6, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
    "Antarctica/Troll": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "America/Havana": datetime(2025, 11, 2, 5, tzinfo=UTC),
    "Africa/Casablanca": datetime(2026, 2, 15, 2, tzinfo=UTC),
    "Asia/Kolkata": datetime(2026, 10, 25, 1, tzinfo=UTC),
}
ZONES = st.sampled_from(sorted(CHANGES))
MINUTES = st.integers(-400, 400)
LOOK_BACK = 600.0


def at(zone: str, minutes: float) -> float:
    return (CHANGES[zone] + timedelta(minutes=minutes)).timestamp()


def shown(zone: str, time: float) -> datetime:
    return datetime.fromtimestamp(time, ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@given(zone=ZONES, written=MINUTES, later=st.floats(0.0, 290.0))
def test_a_local_time_read_soon_is_the_moment_that_it_was(zone: str, written: int, later: float) -> None:
    time = at(zone, written)
    moment = LocalTime(zone).moment(shown(zone, time), time + later)
    assert isinstance(moment, datetime)
    assert moment.timestamp() == time


@given(zone=ZONES, written=MINUTES, later=st.floats(0.0, 400.0))
def test_no_local_time_of_the_past_lies_in_the_future(zone: str, written: int, later: float) -> None:
    time, now = at(zone, written), at(zone, written + later)
    moment = LocalTime(zone).moment(str(shown(zone, time)), now)
    assert isinstance(moment, datetime)
    assert moment.timestamp() <= now + 300
    assert abs(moment.timestamp() - time) <= 7200


@given(zone=ZONES, read=MINUTES, now=MINUTES, later=st.lists(st.integers(0, 600), min_size=1, max_size=20))
def test_behind_what_is_past_no_clock_goes_back(zone: str, read: int, now: int, later: list[int]) -> None:
    value, local = shown(zone, at(zone, read)), LocalTime(zone)
    if read <= now and local.is_past(value, at(zone, now)):
        assert all(shown(zone, at(zone, now + minutes)) >= value for minutes in later)
        assert local.is_past(str(value), at(zone, now))


ROWS = st.lists(st.tuples(st.integers(-130, 130), st.integers(0, 9)), max_size=60)
# How many minutes later, how many it takes, and what ends it: nothing, trouble after so many rows, or the end of the process.
LOOKS = st.lists(
    st.tuples(
        st.integers(1, 20), st.integers(0, 2), st.sampled_from(["", "", "", "trouble", "kill"]), st.integers(0, 9)
    ),
    max_size=60,
)


@pytest.mark.parametrize("look_back", [0.0, LOOK_BACK])
@given(zone=ZONES, rows=ROWS, looks=LOOKS)
def test_every_row_is_read_although_the_clock_is_set_back(
    look_back: float, zone: str, rows: list[tuple[int, int]], looks: list[tuple[int, int, str, int]]
) -> None:
    """Each row has its local time, and becomes visible up to nine minutes later where the source looks back."""
    written = [
        (shown(zone, at(zone, minute)) + timedelta(microseconds=number), at(zone, minute + bool(look_back) * wait))
        for number, (minute, wait) in enumerate(rows)
    ]
    local, read, minute = LocalTime(zone), set[datetime](), -140
    kept = datetime(2000, 1, 1)  # noqa: DTZ001  (as a column without offsets has it)
    progress = Progress(kept, look_back=look_back, is_past=local.is_past)
    for pause, lasts, trouble, most in [*looks, *[(20, 0, "", 0)] * 40]:
        minute += pause
        now = at(zone, minute)
        last = progress.begin(now)
        found = sorted(value for value, visible in written if visible <= now and value > last)
        for value in found[:most] if trouble else found:
            read.add(value)
            progress.read(value, now)
            last = value
        if not trouble:
            progress.end(last, now + 60 * lasts)
        kept = progress.settled
        if trouble == "kill":
            progress = Progress(kept, look_back=look_back, is_past=local.is_past)
    assert read == {value for value, _ in written}


@pytest.mark.parametrize("value", [7, 1.5, "01J0", b"x", None, datetime(2026, 10, 25, 2, 59, tzinfo=UTC)])
def test_a_cursor_that_is_no_local_time_is_always_past(value: object) -> None:
    assert LocalTime("Europe/Berlin").is_past(value, at("Europe/Berlin", 0)) is True


def test_a_day_is_past_once_no_clock_can_show_it_again() -> None:
    local, havana = LocalTime("America/Havana"), "America/Havana"
    assert local.is_past(date(2025, 11, 2), at(havana, -30)) is False
    assert local.is_past(date(2025, 11, 2), at(havana, 30)) is True
    assert local.is_past(date(2025, 11, 1), at(havana, -30)) is True
