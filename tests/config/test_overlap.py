"""Sources that name the same files are told of."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.overlap import _names_meet, _tokens
from tests.config.test_load import ACCOUNT, folder, settings_of

__all__ = ["folder"]


def warnings(folder: Path, *paths: str, kind: str = "log") -> tuple[str, ...]:
    rest = ", pattern: '(?P<request_id>x)'" if kind == "log" else ""
    lines = "".join(f"  - {{type: {kind}, paths: ['{path}']{rest}}}\n" for path in paths)
    account = f"{ACCOUNT}    rate_limit: {{calls: 25, daily: 100000}}\n"
    return settings_of(f"{account}sources:\n{lines}", folder).warnings


@pytest.mark.parametrize(
    ("one", "other"),
    [("app.log", "app.log"), ("app-*.log", "app-1.log"), ("app-*.log", "*-1.log"), ("logs/**/a.log", "logs/x/*.log")],
)
def test_two_sources_that_may_name_one_file_are_told_of(folder: Path, one: str, other: str) -> None:
    start = len("  - {type: log, paths: ") + 1
    assert warnings(folder, one, other) == (
        f"config.yaml:8:{start}: sources[1].paths: {other} may name files that {one} of sources[0] names too; "
        "each of the two takes in what it finds there",
    )


@pytest.mark.parametrize(
    ("one", "other"), [("app.log", "app-*.log"), ("a/*.log", "b/*.log"), ("app-?.log", "app-10.log")]
)
def test_sources_of_different_files_are_not(folder: Path, one: str, other: str) -> None:
    assert warnings(folder, one, other) == ()


def test_lists_of_request_ids_are_told_of_too(folder: Path) -> None:
    (told,) = warnings(folder, "ids/*.txt", "ids/a.txt", kind="file")
    assert "ids/a.txt may name files that ids/*.txt of sources[0] names too" in told


NAMES = st.text("ab", max_size=4)
PATTERNS = st.text("ab*?", max_size=5)


@given(PATTERNS, PATTERNS, NAMES)
def test_what_fits_two_patterns_is_never_overlooked(one: str, other: str, name: str) -> None:
    if fnmatchcase(name, one) and fnmatchcase(name, other):
        assert _names_meet(_tokens(one), _tokens(other))


@given(NAMES, PATTERNS)
def test_a_name_meets_just_the_patterns_that_it_fits(name: str, pattern: str) -> None:
    assert _names_meet(_tokens(name), _tokens(pattern)) == fnmatchcase(name, pattern)
