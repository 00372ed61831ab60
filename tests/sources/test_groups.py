import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.core.request import REFERENCE
from exporter.errors import InvalidEntry
from exporter.sources.groups import Messages, Terms, parse_json, parse_text, parse_yaml
from exporter.sources.source import Entry
from tests.sources.twins import FIRST, NOW, SECOND

ONE = {"acme": ["lead_update"]}
MANY = {"acme": ["call_log", "lead_update"], "beta": ["call_log"], "gamma": ["call_log", "lead_capture"]}
TERMS = Terms(apis=ONE, now=NOW)
ID_RULE = "must be 1 to 128 characters of A-Z a-z 0-9 . _ -"
TIME_RULE = "must be RFC 3339 with an offset, such as 2026-01-31T12:00:00Z"

Parse = Callable[[bytes, Terms], list[Entry]]


def refusal(parse: Parse, body: bytes, terms: Terms = TERMS) -> list[str]:
    with pytest.raises(InvalidEntry) as caught:
        parse(body, terms)
    return caught.value.details or [str(caught.value)]


def in_json(content: object, terms: Terms = TERMS) -> list[str]:
    return refusal(parse_json, json.dumps(content).encode(), terms)


def test_a_list_of_groups_becomes_entries_in_their_order() -> None:
    body = json.dumps(
        [
            {"request_ids": [FIRST, {"request_id": "b", "submitted_at": "2026-01-31T12:00:00Z"}]},
            {"request_ids": [{"request_id": SECOND}], "account": "acme", "api": "lead_update"},
        ]
    )
    assert parse_json(body.encode(), TERMS) == [
        Entry(request_id=FIRST, account="acme", api="lead_update", submitted=None, where="[0].request_ids[0]"),
        Entry(request_id="b", account="acme", api="lead_update", submitted=1769860800.0, where="[0].request_ids[1]"),
        Entry(request_id=SECOND, account="acme", api="lead_update", submitted=None, where="[1].request_ids[0]"),
    ]


def test_a_single_group_needs_no_list() -> None:
    assert parse_json(b'{"request_ids": ["a"]}', TERMS)[0].where == "request_ids[0]"


def test_yaml_and_json_say_the_same() -> None:
    text = (
        f"- request_ids:\n  - {FIRST}\n  - 123\n  - 1e5\n  - {{request_id: no, submitted_at: 2026-01-31T12:00:00Z}}\n"
    )
    entries = parse_yaml(text.encode(), TERMS)
    assert [(entry.request_id, entry.submitted) for entry in entries] == [
        (FIRST, None),
        ("123", None),
        ("1e5", None),
        ("no", 1769860800.0),
    ]


def test_a_text_file_holds_an_id_a_line_with_an_optional_time() -> None:
    entries = parse_text(b"\xef\xbb\xbfa\r\n\r\n  b \t2026-01-31T12:00:00Z\nc", TERMS)
    assert [(entry.request_id, entry.submitted, entry.where) for entry in entries] == [
        ("a", None, "line 1"),
        ("b", 1769860800.0, "line 3"),
        ("c", None, "line 4"),
    ]


def test_null_stands_for_what_was_left_out() -> None:
    group = {"request_ids": [{"request_id": "a", "submitted_at": None}], "account": None, "api": None}
    expected = [Entry(request_id="a", account="acme", api="lead_update", submitted=None, where="request_ids[0]")]
    assert parse_json(json.dumps(group).encode(), TERMS) == expected
    assert parse_yaml(yaml.safe_dump(group).encode(), TERMS) == expected


@pytest.mark.parametrize(
    ("account", "api", "group", "expected"),
    [
        ("beta", None, {}, ("beta", "call_log")),
        ("acme", None, {}, ("acme", "lead_update")),
        ("acme", "call_log", {}, ("acme", "call_log")),
        ("acme", "call_log", {"api": "lead_update"}, ("acme", "lead_update")),
        ("acme", None, {"account": "beta"}, ("beta", "call_log")),
    ],
)
def test_a_group_gets_what_it_leaves_out(
    account: str, api: str | None, group: dict[str, str], expected: tuple[str, str]
) -> None:
    terms = Terms(apis=MANY, now=NOW, account=account, api=api)
    (entry,) = parse_json(json.dumps({"request_ids": ["a"], **group}).encode(), terms)
    assert (entry.account, entry.api) == expected


def test_what_can_not_be_guessed_has_to_be_given() -> None:
    several = Terms(apis=MANY, now=NOW)
    assert in_json([{"request_ids": ["a"]}], several) == ["[0]: account must be one of acme, beta, gamma"]
    assert in_json([{"request_ids": ["a"], "account": "gamma"}], several) == [
        "[0]: api must be one of call_log, lead_capture"
    ]


def test_every_mistake_is_named_at_once() -> None:
    content = [
        {"request_ids": ["ok", "a b", 3, None, ""], "acount": "acme"},
        {"request_ids": "a"},
        {"account": "secret@example.com", "request_ids": []},
        {
            "request_ids": [
                {"request_id": "a", "submitted_at": "2026-01-31T12:00:00"},
                {"request_id": "a", "submitted_at": "2026-02-02T02:45:01Z"},
                {"request_id": "a", "submitted_at": 5, "body": {}},
                {"submitted_at": "2026-01-31T12:00:00Z"},
                ["a"],
            ],
            "api": 7,
        },
        {},
        "a",
    ]
    assert in_json(content) == [
        "[0].acount: unknown key; allowed: request_ids, account, api",
        f"[0].request_ids[1]: {ID_RULE}, got a text of 3 characters",
        f"[0].request_ids[2]: {ID_RULE}, got a number; put it in quotes",
        f"[0].request_ids[3]: {ID_RULE}, got null",
        f"[0].request_ids[4]: {ID_RULE}, got a text of 0 characters",
        "[1].request_ids: must be a list of RequestIDs",
        "[2].account: must be one of acme",
        "[3].api: must be one of lead_update",
        f"[3].request_ids[0].submitted_at: {TIME_RULE}",
        "[3].request_ids[1].submitted_at: must not lie more than 5 minutes in the future",
        "[3].request_ids[2].body: unknown key; allowed: request_id, submitted_at",
        f"[3].request_ids[2].submitted_at: {TIME_RULE}",
        "[3].request_ids[3]: request_id must be given",
        f"[3].request_ids[4]: {ID_RULE}, got a list",
        "[4]: request_ids must be a list of RequestIDs",
        "[5]: must be a group: an object with the key request_ids",
    ]


def test_five_minutes_of_difference_between_clocks_are_allowed() -> None:
    body = b'{"request_ids": [{"request_id": "a", "submitted_at": "2026-02-02T02:45:00Z"}]}'
    assert parse_json(body, TERMS)[0].submitted == NOW + 300


def test_a_file_is_told_with_its_lines() -> None:
    terms = Terms(apis=ONE, now=NOW, file="ids.yaml")
    text = b"- request_ids:\n  - a b\n  - {request_id: c,\n     submitted_at: soon}\n  typo: 1\n- {}\n"
    assert refusal(parse_yaml, text, terms) == [
        "ids.yaml:5: [0].typo: unknown key; allowed: request_ids, account, api",
        f"ids.yaml:2: [0].request_ids[0]: {ID_RULE}, got a text of 3 characters",
        f"ids.yaml:4: [0].request_ids[1].submitted_at: {TIME_RULE}",
        "ids.yaml:6: [1]: request_ids must be a list of RequestIDs",
    ]
    assert refusal(parse_json, b'[\n\t{"request_ids": ["a",\n\t"b c"]}\n]', terms) == [
        f"ids.yaml:3: [0].request_ids[1]: {ID_RULE}, got a text of 3 characters"
    ]
    assert refusal(parse_text, b"a\nb c\nd 2026\n", Terms(apis=ONE, now=NOW, file="ids.txt")) == [
        f"ids.txt:2: {ID_RULE}, got a text of 3 characters",
        f"ids.txt:3: {TIME_RULE}",
    ]


def test_only_the_first_mistakes_are_told() -> None:
    details = in_json({"request_ids": ["x" * 129] * 1000})
    assert details[0] == f"request_ids[0]: {ID_RULE}, got a text of 129 characters"
    assert details[19].startswith("request_ids[19]: ")
    assert details[20:] == ["and 980 more"]


def test_a_reference_is_read_where_references_are_allowed() -> None:
    one = {"request_id": FIRST, "reference": "shop:2026/0815#1"}
    terms = replace(TERMS, references=True)
    for entries in (
        parse_json(json.dumps([{"request_ids": [one, "b"]}]).encode(), terms),
        parse_yaml(yaml.safe_dump([{"request_ids": [one, "b"]}]).encode(), terms),
    ):
        assert [(entry.request_id, entry.reference) for entry in entries] == [(FIRST, "shop:2026/0815#1"), ("b", None)]


def test_a_reference_is_refused_by_name_unless_references_are_allowed() -> None:
    group = [{"request_ids": [{"request_id": "a", "reference": "o-1"}, "b"]}]
    assert in_json(group) == [
        "[0].request_ids[0].reference: is refused unless references: true stands in the configuration"
    ]
    assert in_json(group, replace(TERMS, file="ids.json")) == [
        "ids.json:1: [0].request_ids[0].reference: is refused unless references: true stands in the configuration"
    ]


def test_a_reference_that_is_none_is_refused_by_name_and_never_repeated() -> None:
    unfit = ["", "Ada Lovelace", "ada@example.org", "x" * 129, "ä", 7, ["a"], True]
    group = [{"request_ids": [{"request_id": "a", "reference": one} for one in unfit]}, {"reference": "o-1"}]
    rule = "must be 1 to 128 characters of A-Z a-z 0-9 . _ : / # -"
    assert in_json(group, replace(TERMS, references=True)) == [
        f"[0].request_ids[0].reference: {rule}, got a text of 0 characters",
        f"[0].request_ids[1].reference: {rule}, got a text of 12 characters",
        f"[0].request_ids[2].reference: {rule}, got a text of 15 characters",
        f"[0].request_ids[3].reference: {rule}, got a text of 129 characters",
        f"[0].request_ids[4].reference: {rule}, got a text of 1 character",
        f"[0].request_ids[5].reference: {rule}, got a number; put it in quotes",
        f"[0].request_ids[6].reference: {rule}, got a list",
        f"[0].request_ids[7].reference: {rule}, got true or false",
        "[1].reference: unknown key; allowed: request_ids, account, api",
        "[1]: request_ids must be a list of RequestIDs",
    ]


def test_values_are_never_repeated_whatever_they_stand_for() -> None:
    canary = "canary@example.com"
    told = in_json(
        {"request_ids": [{"request_id": "a", "submitted_at": canary}], "account": canary, "api": canary}
    ) + in_json({"request_ids": [canary], canary: 1})
    told += in_json({"request_ids": canary})
    assert not any("canary" in detail for detail in told)


@pytest.mark.parametrize(
    ("parse", "body", "told"),
    [
        (parse_json, b"[{]", "not JSON: line 1, column 3: Expecting property name enclosed in double quotes"),
        (parse_json, b'[\n"\xff"]', "not UTF-8: byte 4 can't be read"),
        (parse_json, b"[" * 100_000, "not a list of groups: it is nested too deep or holds a number that is too long"),
        (parse_json, b"1" * 5000, "not a list of groups: it is nested too deep or holds a number that is too long"),
        (parse_json, b'{"request_ids": [], "request_ids": []}', 'the key "request_ids" is given twice in one object'),
        (
            parse_yaml,
            b"request_ids: []\nrequest_ids: []\n",
            'not YAML: line 2, column 1: the key "request_ids" is given twice',
        ),
        (parse_yaml, b"[" * 100_000, "not YAML: line 1, column 9: nested too deep"),
        (parse_yaml, b"- &a [x]\n- *a\n", "not YAML: line 2, column 3: aliases are not allowed here"),
        (
            parse_yaml,
            b"{}\n---\n{}\n",
            "not YAML: line 2, column 1: a second document begins here; one file holds one document",
        ),
        (parse_yaml, b"{[a]: b}", "not YAML: line 1, column 2: a key must be plain text"),
        (parse_yaml, b"a: [\n", "not YAML: line 2, column 1: can't be read; is a quote, a bracket or a blank missing?"),
        (parse_yaml, b"\x00", "not YAML: it holds characters that can't be printed"),
        (parse_yaml, b"", "must be a group or a list of groups, and a group an object with the key request_ids"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(parse: Parse, body: bytes, told: str) -> None:
    assert refusal(parse, body) == [told]


ids = st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True)
whens = st.none() | st.integers(0, int(NOW)).map(float)


@given(st.lists(st.tuples(ids, whens), max_size=20))
def test_what_is_written_is_read_again_in_every_format(requests: list[tuple[str, float | None]]) -> None:
    group = {"request_ids": [_written(request_id, submitted) for request_id, submitted in requests]}
    text = "".join(f"{request_id} {_time(submitted)}\n" for request_id, submitted in requests)
    for entries in (
        parse_json(json.dumps(group).encode(), TERMS),
        parse_yaml(yaml.safe_dump([group]).encode(), TERMS),
        parse_text(text.encode(), TERMS),
    ):
        assert [(entry.request_id, entry.submitted) for entry in entries] == requests


def _written(request_id: str, submitted: float | None) -> object:
    return request_id if submitted is None else {"request_id": request_id, "submitted_at": _time(submitted)}


def _time(submitted: float | None) -> str:
    return "" if submitted is None else datetime.fromtimestamp(submitted, UTC).isoformat()


words = st.sampled_from(
    ["request_ids", "request_id", "submitted_at", "reference", "account", "api", "acme", "lead_update", "a b"]
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words
trees = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(words | st.text(), inner), max_leaves=30)


@given(trees)
def test_no_document_raises_anything_but_a_refusal(tree: object) -> None:
    body = json.dumps(tree).encode()
    for parse in (parse_json, parse_yaml, parse_text):
        _tried(parse, body)


@given(st.binary(max_size=200) | st.text(alphabet="[]{}:,-&*!|>'\"#%@`~?\n\t ab0", max_size=60).map(str.encode))
@example(b"? a\n: b")
@example(b"!!int x")
@example(b"%YAML 9.9\n---\n")
@example(b'"\\ud800"')
def test_no_bytes_raise_anything_but_a_refusal(body: bytes) -> None:
    for parse in (parse_json, parse_yaml, parse_text):
        _tried(parse, body)


def _tried(parse: Parse, body: bytes) -> None:
    named = Terms(apis=MANY, now=NOW, references=True, file="x")
    for terms in (TERMS, replace(TERMS, references=True), named, Terms(apis={}, now=NOW)):
        details, entries = _outcome(parse, body, terms)
        assert all(len(detail) < 500 for detail in details)
        assert all(entry.account in terms.apis for entry in entries)
        assert all(entry.reference is None or terms.references for entry in entries)
        assert all(entry.reference is None or REFERENCE.fullmatch(entry.reference) for entry in entries)


fields = st.dictionaries(words | st.text(max_size=3), st.none() | st.text() | st.integers() | words, max_size=6)


@given(st.lists(fields | st.text(), max_size=8), st.booleans())
def test_a_message_is_read_or_refused_and_what_is_left_out_is_counted(
    contents: list[dict[str, object] | str], references: bool
) -> None:
    messages = Messages(replace(TERMS, references=references))
    for number, content in enumerate(contents):
        before = messages.left_out.count
        text = content if isinstance(content, str) else json.dumps(content)
        try:
            entries = messages.text(text, f"message {number}")
        except InvalidEntry:
            assert messages.left_out.count == before
        else:
            assert all(entry.reference is None or references for entry in entries)
            assert messages.left_out.count - before <= 2 * len(entries)


def test_a_message_whose_reference_is_none_is_taken_without_it() -> None:
    messages = Messages(replace(TERMS, references=True))
    one = messages.fields({"request_id": "a", "reference": "Ada Lovelace"}, "here")
    two = messages.fields({"request_id": "b", "reference": "o-2"}, "there")
    assert (one.reference, two.reference) == (None, "o-2")
    assert (messages.left_out.references.count, messages.left_out.references.wheres) == (1, ["here"])


def test_a_message_with_a_reference_is_refused_unless_references_are_allowed() -> None:
    with pytest.raises(InvalidEntry) as caught:
        Messages(TERMS).fields({"request_id": "a", "reference": "o-1"}, "here")
    assert caught.value.details == ["reference: is refused unless references: true stands in the configuration"]


def _outcome(parse: Parse, body: bytes, terms: Terms) -> tuple[list[str], list[Entry]]:
    try:
        return [], parse(body, terms)
    except InvalidEntry as error:
        return error.details, []


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer counts every line, which takes longer than the work")
def test_a_thousand_ids_take_a_few_milliseconds() -> None:
    body = json.dumps({"request_ids": [f"{FIRST[:-4]}{number:04}" for number in range(1000)]}).encode()
    took = []
    for _ in range(20):
        began = perf_counter()
        assert len(parse_json(body, TERMS)) == 1000
        took.append(perf_counter() - began)
    assert min(took) <= 0.003
