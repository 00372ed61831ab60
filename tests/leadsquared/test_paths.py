"""Paths and patterns, however they are written."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.leadsquared.paths import Pattern, segments

PIECES = st.text(st.sampled_from("aB.%2F41é"), max_size=6)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ()),
        ("/", ()),
        ("//a///B/", ("a", "b")),
        ("/%61%42", ("ab",)),
        ("/a%2Fb", ("a/b",)),
        ("/%", ("%",)),
        ("/%ff%zz", ("\ufffd%zz",)),
        ("/%C3%84", ("ä",)),
        ("/..//./%2e", ("..", ".", ".")),
    ],
)
def test_a_path_is_read_in_one_spelling(path: str, found: tuple[str, ...]) -> None:
    assert segments(path) == found


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/a/*", "/a/b", True),
        ("/a/*", "/a", False),
        ("/a/*", "/a/b/c", False),
        ("/a/*", "/a/b%2Fc", True),
        ("/*.svc/Lead.*", "/LeadManagement.svc/Lead.Capture", True),
        ("/*.svc/Lead.*", "/LeadManagement.svc/Leads", False),
        ("/a*a", "/a", False),
        ("/a*a", "/aa", True),
        ("/a*b*c", "/abc", True),
        ("/a*b*c", "/acb", False),
        ("/a*bb*b", "/abbb", True),
        ("/a*bb*b", "/abb", False),
        ("/%2a", "/*", True),
        ("/%2a", "/a", False),
        ("//a/", "/A", True),
    ],
)
def test_a_star_stands_for_any_part_of_one_segment(pattern: str, path: str, fits: bool) -> None:
    assert Pattern(pattern).matches(segments(path)) is fits


@given(st.lists(PIECES, max_size=4))
def test_a_path_without_a_star_matches_itself_and_is_literal(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    assert Pattern(path).matches(segments(path))
    assert Pattern(path).literal


@given(st.text(), st.text())
def test_whatever_is_compared_there_is_an_answer(pattern: str, path: str) -> None:
    assert Pattern(pattern).matches(segments(path)) in (True, False)


def test_many_stars_cost_one_pass_over_a_long_path() -> None:
    pattern, path = Pattern("/" + "a*" * 500 + "b"), segments("/" + "a" * 60_000)
    began = perf_counter()
    assert not pattern.matches(path)
    assert perf_counter() - began < 1.0
