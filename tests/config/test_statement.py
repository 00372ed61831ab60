import pytest

from exporter.config.statement import Statement

GOOD = "select request_id, created_at from outbox where id > :cursor order by id"


@pytest.mark.parametrize(
    ("query", "selecting"),
    [
        (GOOD, "select request_id, created_at , id from outbox where id > :cursor order by id"),
        (
            "SELECT (SELECT max(x) FROM y) AS request_id, 'from' FROM t WHERE id>:cursor ORDER BY id",
            "SELECT (SELECT max(x) FROM y) AS request_id, 'from' , id FROM t WHERE id>:cursor ORDER BY id",
        ),
        (
            'with a as (select 1 from b) select "from" /* from */ from a where id > :cursor order by id',
            'with a as (select 1 from b) select "from" /* from */ , id from a where id > :cursor order by id',
        ),
        (
            "select $t$ from $t$ as api from a -- select\nwhere id > :cursor order by id",
            "select $t$ from $t$ as api , id from a -- select\nwhere id > :cursor order by id",
        ),
    ],
)
def test_a_column_is_added_in_front_of_the_from_that_belongs_to_the_select(query: str, selecting: str) -> None:
    assert Statement(query).mistake() is None
    assert Statement(query).selecting("id").text == selecting


def test_a_limit_is_added_where_there_is_none() -> None:
    assert Statement(f"{GOOD} -- newest last\n;\n").limited(9) == f"{GOOD} -- newest last\n\nLIMIT 9".replace(
        "\n\n", "\n"
    )
    for own in (f"{GOOD} limit 5", f"{GOOD} fetch first 5 rows only", f"{GOOD} FOR SHARE"):
        assert Statement(own).limited(9) == own


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("update outbox set id = :cursor", "one SELECT"),
        (f"{GOOD}; delete from outbox", "one SELECT"),
        ("(select 1)", "one SELECT"),
        ("", "one SELECT"),
        (GOOD.replace(":cursor", "0"), "a SELECT with the one parameter :cursor"),
        (GOOD.replace("id > ", "name = :name and id > "), "a SELECT with the one parameter :cursor"),
        (GOOD.replace(" order by id", ""), "a SELECT with an ORDER BY of the cursor column"),
        (
            GOOD.replace("order by id", "and (select 1 order by id) = 1"),
            "a SELECT with an ORDER BY of the cursor column",
        ),
    ],
)
def test_a_query_that_could_skip_rows_or_write_is_refused(query: str, wanted: str) -> None:
    assert (Statement(query).mistake() or "").startswith(wanted)


def test_casts_and_escaped_colons_are_no_parameters() -> None:
    assert Statement(GOOD.replace("created_at", "created_at::timestamptz, '\\:x' as api")).mistake() is None
