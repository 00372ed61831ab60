import contextlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.document import Listing, Mapping, Node, Scalar, _compose, parse
from exporter.config.problem import Position

YAML_LIKE = st.text(alphabet="ab1 \n\t-:,[]{}'\"#&*!|>%@?~é\u2028\x85\ufeff", max_size=60)


def test_a_tree_knows_where_its_parts_stand() -> None:
    assert parse("a: 1\nb:\n  - 'x'\n") == Mapping(
        Position(1, 1),
        (
            (Scalar(Position(1, 1), "a", False), Scalar(Position(1, 4), "1", False)),
            (
                Scalar(Position(2, 1), "b", False),
                Listing(Position(3, 3), (Scalar(Position(3, 5), "x", True),)),
            ),
        ),
    )


def test_columns_count_characters_not_bytes() -> None:
    assert parse("{é: 1, b: 2}") == Mapping(
        Position(1, 1),
        (
            (Scalar(Position(1, 2), "é", False), Scalar(Position(1, 5), "1", False)),
            (Scalar(Position(1, 8), "b", False), Scalar(Position(1, 11), "2", False)),
        ),
    )


def test_an_alias_stands_where_it_is_used() -> None:
    tree = parse("[&x 1, *x]")
    assert tree == Listing(Position(1, 1), (Scalar(Position(1, 2), "1", False), Scalar(Position(1, 8), "1", False)))


def test_an_anchor_may_be_set_anew() -> None:
    tree = parse("[&x 1, &x 2, *x]")
    assert isinstance(tree, Listing)
    assert tree.items[2] == Scalar(Position(1, 14), "2", False)


@settings(deadline=None)
@given(YAML_LIKE)
def test_any_text_is_read_or_refused(text: str) -> None:
    parse(text)


@settings(deadline=None)
@given(
    st.recursive(st.text(max_size=8) | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_what_a_writer_of_yaml_writes_keeps_its_texts(value: object) -> None:
    tree = parse(yaml.safe_dump(value))
    assert isinstance(tree, Scalar | Listing | Mapping)
    assert plain(tree) == texts(value)


def plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return [(plain(key), plain(value)) for key, value in node.entries]


def texts(value: object) -> object:
    if isinstance(value, list):
        return [texts(item) for item in value]
    if isinstance(value, dict):
        return [(key, texts(item)) for key, item in sorted(value.items())]
    return str(value)


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="this PyYAML has no libyaml")
@settings(deadline=None)
@given(YAML_LIKE)
def test_both_parsers_of_yaml_see_the_same_tree(text: str) -> None:
    trees = []
    for loader in (yaml.CSafeLoader, yaml.SafeLoader):
        with contextlib.suppress(yaml.YAMLError):
            trees.append(_compose(text.replace("\ufeff", "") + "\n", loader))
    assert trees[:1] == trees[-1:]
