import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.duration import format_duration, parse


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("5s", 5.0),
        ("500ms", 0.5),
        ("1h30m", 5400.0),
        ("1d", 86400.0),
        ("1w", 604800.0),
        ("1y", 31536000.0),
        ("1y2w3d4h5m6s7ms", 31536000 + 1209600 + 259200 + 14400 + 300 + 6.007),
        ("1m500ms", 60.5),
        ("007s", 7.0),
        ("292y", 292 * 31536000.0),
    ],
)
def test_a_prometheus_duration_is_read(text: str, seconds: float) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "5",
        "00",
        "1.5s",
        "-1s",
        "+1s",
        "1h1h",
        "30m1h",
        "1ms1s",
        "1 h",
        "1H",
        "s",
        "5s ",
        "1M",
        "1us",
        "٣s",
        "293y",
        "9" * 99 + "s",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration"):
        parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.5, "500ms"), (5400.0, "1h30m"), (86400.0, "1d"), (604800.0, "7d"), (90.25, "1m30s250ms")],
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=292 * 31_536_000_000))
def test_what_is_written_reads_back(milliseconds: int) -> None:
    assert parse(format_duration(milliseconds / 1000)) == milliseconds / 1000
