"""Whose the positions are that the store keeps, when sources come, go, and change what they read."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.config.load import load
from exporter.config.secret import InlineSecret
from exporter.config.settings import LogSource, SqlSource
from exporter.sources import kept
from exporter.sources.kept import Kept
from exporter.sources.log.bookmark import Bookmark
from exporter.sources.log.finding import Finder, matches

SQL = SqlSource(
    account=None, api=None, url=InlineSecret(""), query="select", cursor="id", name="sql", reads="sql:orders"
)
LOG = LogSource(
    account=None,
    api=None,
    paths=("/logs/a.log",),
    pattern=re.compile("(?P<request_id>a)"),
    read_from="end",
    name="log",
    reads="log:a",
)
Store = dict[str, dict[str, str]]


def after(store: Mapping[str, Mapping[str, str]], found: Kept) -> Store:
    """The store once the moves are in it, without what is empty."""
    now = {source: dict(positions) for source, positions in store.items()}
    for move in found.moves:
        if move.position is None:
            now.get(move.source, {}).pop(move.part, None)
        else:
            now.setdefault(move.source, {})[move.part] = move.position
    return {source: positions for source, positions in now.items() if positions}


def bookmark(name: str, offset: int) -> str:
    return Bookmark(
        name=name,
        path=name,
        link=False,
        device=1,
        inode=2,
        offset=offset,
        head="",
        before="",
        closed=False,
        inside=False,
        since=0,
    ).text()


def test_a_query_that_moves_up_in_the_list_keeps_its_position_and_takes_no_other() -> None:
    store = {"sql:orders": {"id": "int 3"}, "sql:others": {"id": "int 500"}}
    assert kept.of_sql(replace(SQL, name="sql-2"), [SQL], store) == kept.of_sql(SQL, [SQL], store)
    assert kept.of_sql(SQL, [SQL], store) == Kept({"id": "int 3"})


def test_the_position_of_a_source_with_a_name_is_that_of_the_name() -> None:
    named = replace(SQL, name="orders", reads="")
    assert kept.of_sql(named, [named], {"orders": {"id": "int 3"}}) == Kept({"id": "int 3"})


def test_the_only_database_goes_on_from_what_was_kept_under_its_place() -> None:
    store = {"sql": {"id": "int 3"}}
    found = kept.of_sql(SQL, [SQL], store)
    assert found.positions == {"id": "int 3"}
    assert after(store, found) == {"sql:orders": {"id": "int 3"}}


def test_of_several_databases_none_takes_what_was_kept_by_place_nor_the_last_left() -> None:
    other = replace(SQL, name="sql-2", reads="sql:others")
    store = {"sql": {"id": "int 3"}}
    found = kept.of_sql(SQL, [SQL, other], store)
    assert found.positions == {}
    assert after(store, found) == {}


def test_a_log_goes_on_from_what_was_kept_by_place_and_leaves_the_files_of_others() -> None:
    mine, other = bookmark("/logs/a.log", 7), bookmark("/logs/b.log", 9)
    store = {"log": {"1:2": mine, "1:3": other, "pattern:/logs/a.log": "5", "pattern:/logs/b.log": "6"}}
    found = kept.of_log(LOG, [LOG], store)
    assert found.positions == {"1:2": mine, "pattern:/logs/a.log": "5"}
    assert after(store, found) == {
        "log": {"1:3": other, "pattern:/logs/b.log": "6"},
        "log:a": {"1:2": mine, "pattern:/logs/a.log": "5"},
    }


def test_a_log_whose_pattern_changed_goes_on_with_its_files_where_nobody_else_is() -> None:
    far, near = bookmark("/logs/a.log", 9), bookmark("/logs/a.log", 7)
    store = {"log:old": {"1:2": far}, "log:older": {"1:2": near}}
    found = kept.of_log(LOG, [LOG], store)
    assert found.positions == {"1:2": near}
    assert after(store, found) == {"log:a": {"1:2": near}}


def test_a_second_pattern_over_the_same_file_begins_anew() -> None:
    store = {"log:a": {"1:2": bookmark("/logs/a.log", 9)}, "audit": {"1:2": bookmark("/logs/a.log", 9)}}
    second = replace(LOG, name="log-2", reads="log:b")
    assert kept.of_log(second, [LOG, second], store) == Kept({})


def test_what_a_log_has_itself_counts_more_than_what_others_left() -> None:
    own, left = bookmark("/logs/a.log", 9), bookmark("/logs/a.log", 7)
    store = {"log:a": {"1:2": own}, "log:old": {"1:2": left}}
    found = kept.of_log(LOG, [LOG], store)
    assert found.positions == {"1:2": own}
    assert after(store, found) == {"log:a": {"1:2": own}}


def test_a_position_that_another_version_wrote_is_left_alone() -> None:
    assert kept.of_log(LOG, [LOG], {"log": {"1:2": "{}"}}) == Kept({})


CONFIGURATION = """\
accounts:
  - {name: acme, region: us, api_key: none}
sources:
"""
QUERY = "select request_id from outbox where id > :cursor order by id"


def owners(folder: Path, *sources: str) -> list[str]:
    (folder / "config.yaml").write_text(CONFIGURATION + "".join(f"  - {{{source}}}\n" for source in sources))
    settings = load(folder / "config.yaml", environment={})
    return [source.owner for source in settings.sources if isinstance(source, LogSource | SqlSource)]


def sql(url: str, query: str = QUERY, name: str = "") -> str:
    return f"type: sql, url: '{url}', query: '{query}', cursor: id{name}"


def test_sources_without_a_name_own_what_they_read_wherever_they_stand(tmp_path: Path) -> None:
    first, second = sql("sqlite:///./a.db"), sql("sqlite:///./b.db")
    logs = [f"type: log, paths: [a.log], pattern: '{pattern}(?P<request_id>.+)'" for pattern in "ab"]
    one, two, three, four = owners(tmp_path, first, second, *logs)
    assert len({one, two, three, four}) == 4
    assert owners(tmp_path, logs[1], second) == [four, two]
    assert owners(tmp_path, logs[1].replace("a.log", "b.log")) == [four]
    assert owners(tmp_path, sql("sqlite:///./a.db", name=", name: sql")) == ["sql"]


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("postgresql://me:two@db/crm?sslmode=require", True),
        ("postgresql://me:one@db:5433/crm", False),
        ("postgresql://me:one@db/other", False),
        ("postgresql://me:one@db/crm?host=/run/postgresql", False),
        ("mysql://me:one@db/crm", False),
    ],
)
def test_another_password_leads_to_the_same_rows_and_another_database_does_not(
    tmp_path: Path, url: str, same: bool
) -> None:
    (before,) = owners(tmp_path, sql("postgresql://me:one@db/crm"))
    (after,) = owners(tmp_path, sql(url, QUERY.replace(" from", "  from")))
    assert (before == after) is same
    assert "one" not in before


NAMES = st.lists(st.sampled_from(["a", "b", "ab", "a.log"]), min_size=1, max_size=3).map("/".join)
PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "?", "**", "a*", "*.log", "[ab]"]), min_size=1, max_size=4).map(
    "/".join
)


@given(name=NAMES, pattern=PATTERNS)
@example(name="a", pattern="a/**")
def test_a_file_matches_what_would_find_it(tmp_path_factory: pytest.TempPathFactory, name: str, pattern: str) -> None:
    folder = tmp_path_factory.mktemp("tree")
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    found, _ = Finder([f"{folder}/{pattern}"], lambda: 0.0).sights()
    assert matches(str(file), [f"{folder}/{pattern}"]) is (file in [Path(sight.name) for sight in found])


def test_logs_that_a_source_followed_which_is_not_configured_now_are_known_as_its() -> None:
    store = {
        "other": {"1:2": bookmark("/logs/b.log", 5), "pattern:/logs/b.log": "7"},
        "log:a": {"1:3": bookmark("/logs/a.log", 5)},
    }
    assert kept.logs_followed(store) == {"other": {"/logs/b.log"}, "log:a": {"/logs/a.log"}}
