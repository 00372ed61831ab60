"""What a client hands over again, judged by what the exporter itself would say to it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.client.refusal import remainder
from exporter.core.request import REQUEST_ID
from exporter.errors import InvalidEntry
from exporter.sources.groups import FURTHEST_AHEAD, Terms, parse_json

NOW = datetime(2026, 2, 2, 2, 0, tzinfo=UTC)
TERMS = Terms(apis={"acme": ["lead_update"]}, now=NOW.timestamp())

entries = st.fixed_dictionaries(
    {"request_id": st.sampled_from(["r-1", "r-2", "a b", ""])},
    optional={
        "submitted_at": st.integers(-2000, 2000).map(lambda seconds: (NOW + timedelta(seconds=seconds)).isoformat()),
        "reference": st.sampled_from(["o-1", "o-2"]),
    },
)


def handed_over(group: dict[str, Any], terms: Terms = TERMS) -> tuple[list[dict[str, str]], int]:
    """The entries that the exporter takes in the end, and how many calls that took."""
    left, taken, calls = [group], [], 0
    while left:
        calls += 1
        try:
            parse_json(json.dumps(left[0]).encode(), terms)
        except InvalidEntry as error:
            left[:1] = remainder(left[0], 400, error.details)
        else:
            taken += left.pop(0)["request_ids"]
    return taken, calls


def fitting(entry: dict[str, str], *, references: bool) -> dict[str, str]:
    ahead = "submitted_at" in entry and datetime.fromisoformat(entry["submitted_at"]) > NOW + timedelta(
        seconds=FURTHEST_AHEAD
    )
    left_out = [*(["submitted_at"] if ahead else []), *([] if references else ["reference"])]
    return {name: value for name, value in entry.items() if name not in left_out}


def members(ids: list[dict[str, str]]) -> int:
    return sum(map(len, ids))


@given(st.lists(entries, max_size=80), st.booleans())
def test_every_entry_that_fits_is_taken_and_only_what_is_refused_is_left_out(
    ids: list[dict[str, str]], references: bool
) -> None:
    terms = replace(TERMS, references=references)
    taken, calls = handed_over({"request_ids": ids, "account": "acme"}, terms)

    fit = [entry for entry in ids if REQUEST_ID.fullmatch(entry["request_id"])]
    assert taken == [fitting(entry, references=references) for entry in fit]
    assert calls <= 3 + len(ids) // 20 * 3


@given(st.lists(entries, max_size=10), st.sampled_from([{"account": "nobody"}, {"api": "other"}]))
def test_a_group_that_does_not_fit_itself_is_not_tried_for_ever(
    ids: list[dict[str, str]], target: dict[str, str]
) -> None:
    taken, calls = handed_over({"request_ids": ids, **target})

    assert taken == []
    assert calls <= 3


@given(
    st.lists(entries, min_size=1, max_size=9),
    st.text(max_size=30)
    | st.sampled_from(["[0]", "[0].submitted_at: ", "[8]: ", "[99999]"]).map("request_ids{}".format),
    st.integers(400, 499),
)
def test_whatever_else_answers_there_what_is_left_becomes_less(
    ids: list[dict[str, str]], detail: str, status: int
) -> None:
    for part in remainder({"request_ids": ids}, status, [detail]):
        assert members(part["request_ids"]) < members(ids)
