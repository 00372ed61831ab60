from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources import moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01t00:00:01z", 1.0),
        ("2026-01-31T12:00:00Z", 1769860800.0),
        ("2026-01-31T12:00:00.250Z", 1769860800.25),
        ("2026-01-31T17:30:00+05:30", 1769860800.0),
        ("2026-01-31T04:00:00-08:00", 1769860800.0),
        ("2016-12-31T23:59:60Z", 1483228800.0),
    ],
)
def test_a_moment_with_an_offset_is_read(text: str, seconds: float) -> None:
    assert moment.parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:61Z",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+05:60",
        "2026-01-31T12:00:00+0530",
        "0000-01-01T00:00:00Z",
        "٢٠٢٦-01-31T12:00:00Z",
        "1769860800",
    ],
)
def test_anything_else_is_no_moment(text: str) -> None:
    assert moment.parse(text) is None


@given(
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_the_offset_does_not_change_the_moment(time: datetime, minutes: int) -> None:
    local = time.astimezone(timezone(timedelta(minutes=minutes)))
    assert moment.parse(local.isoformat()) == pytest.approx(time.timestamp(), abs=1e-5)
