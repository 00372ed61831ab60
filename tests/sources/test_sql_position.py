from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import SourceUnreadable
from exporter.sources.sql import position

VALUES = (
    st.integers()
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.uuids()
)


@given(VALUES)
def test_a_value_comes_back_from_the_store_with_its_type(value: Any) -> None:
    back = position.read(position.write(value))
    assert (type(back), back) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "only_text", "value"),
    [
        ("0", False, 0),
        ("-5", False, -5),
        ("01J", False, "01J"),
        ("2026-01-31T12:00:00Z", False, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00", False, datetime(2026, 1, 31, 12)),  # noqa: DTZ001  (a column without offsets)
        ("2026-01-31 12:00:00", True, "2026-01-31 12:00:00"),
        ("2026-99-31", False, "2026-99-31"),
    ],
)
def test_the_first_value_is_what_it_looks_like(text: str, only_text: bool, value: object) -> None:
    assert position.first(text, only_text=only_text) == value


def test_a_value_that_is_no_place_is_refused() -> None:
    told = "the cursor column holds dict, which can't be kept; take another column"
    with pytest.raises(SourceUnreadable, match=f"^{told}$"):
        position.write({})


def test_a_uuid_of_a_driver_is_a_uuid() -> None:
    class DriversUuid(UUID):
        pass

    assert position.read(position.write(DriversUuid(int=1))) == UUID(int=1)
    assert position.write(date(2026, 1, 31)) == "date 2026-01-31"
    assert position.write(Decimal("1.50")) == "decimal 1.50"
