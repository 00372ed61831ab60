"""Whatever the file holds, it is read or refused with positions; nothing else is ever raised."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.load import load
from exporter.config.schema import ROOT
from exporter.config.shapes import Listed, Named, Section, Shape, Variants
from exporter.errors import ConfigurationError

LINE = re.compile(r"FILE:[1-9][0-9]*:[1-9][0-9]*: [^\n]+")


def read(content: bytes, folder: Path) -> None:
    path = folder / "config.yaml"
    path.write_bytes(content)
    try:
        load(path, environment={"KEY": "key-of-acme"})
    except ConfigurationError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(LINE.fullmatch(problem.replace(str(path), "FILE", 1)) for problem in problems)


def keys(shape: Shape) -> Iterator[str]:
    if isinstance(shape, Section):
        for field in shape.fields:
            yield field.name
            yield from keys(field.shape)
    elif isinstance(shape, Listed):
        yield from keys(shape.item)
    elif isinstance(shape, Named):
        yield from [*shape.names, *keys(shape.section)]
    elif isinstance(shape, Variants):
        for section in shape.sections.values():
            yield from keys(section)


KEYS = st.sampled_from(sorted(set(keys(ROOT)))) | st.text(max_size=4)
WORDS = [
    "static",
    "file",
    "push",
    "acme",
    "us",
    "KEY",
    "lead_update",
    "5s",
    "0",
    "-1",
    "0.5",
    "1e3",
    "null",
    "/a",
    "https://a.example",
]
SCALARS = st.sampled_from(WORDS) | st.text(max_size=6) | st.none() | st.booleans() | st.integers() | st.floats()
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)


def shaped(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that are mostly of the right shape, so that the rules between keys are reached."""
    if isinstance(shape, Section):
        fields = {field.name: shaped(field.shape) for field in shape.fields}
        return st.fixed_dictionaries({}, optional=fields) | SCALARS
    if isinstance(shape, Listed):
        return st.lists(shaped(shape.item), max_size=3)
    if isinstance(shape, Named):
        return st.dictionaries(st.sampled_from(shape.names), shaped(shape.section), max_size=2)
    if isinstance(shape, Variants):
        return st.one_of(*[shaped(section) for section in shape.sections.values()])
    return SCALARS


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tmp_path_factory: Any, content: bytes) -> None:
    read(content, tmp_path_factory.getbasetemp())


@settings(deadline=None)
@given(st.text(alphabet="acounts: -\n[]{}'\"&*!|>%\t\\x", max_size=80))
def test_any_text_is_read_or_refused(tmp_path_factory: Any, text: str) -> None:
    read(text.encode(), tmp_path_factory.getbasetemp())


@settings(deadline=None)
@given(st.dictionaries(KEYS, ANYTHING, max_size=5))
def test_any_structure_is_read_or_refused(tmp_path_factory: Any, value: dict[str, Any]) -> None:
    read(yaml.safe_dump(value).encode(), tmp_path_factory.getbasetemp())


@settings(deadline=None)
@given(shaped(ROOT))
def test_any_values_of_the_right_shape_are_read_or_refused(tmp_path_factory: Any, value: object) -> None:
    read(yaml.safe_dump(value).encode(), tmp_path_factory.getbasetemp())
