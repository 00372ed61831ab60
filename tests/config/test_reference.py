import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config import schema
from exporter.config.document import Scalar
from exporter.config.load import load
from exporter.config.problem import Position
from exporter.config.reference import reference
from exporter.config.settings import Cache, Metrics, Polling, RateLimit, Settings, Storage
from exporter.config.shapes import Field, Listed, Named, Section, Shape, Variants

TOP = Path(__file__).parents[2]
EXAMPLE = (TOP / "config.example.yaml").read_text()


def fields(shape: Shape) -> Iterator[Field]:
    if isinstance(shape, Section):
        for field in shape.fields:
            yield field
            yield from fields(field.shape)
    elif isinstance(shape, Listed):
        yield from fields(shape.item)
    elif isinstance(shape, Named):
        yield from fields(shape.section)
    elif isinstance(shape, Variants):
        for section in shape.sections.values():
            yield from fields(section)


NAMES = sorted({field.name for field in fields(schema.ROOT)})


def test_the_reference_is_that_of_the_schema() -> None:
    assert (TOP / "docs/configuration.md").read_text() == reference()


def test_the_reference_is_printed_by_its_module() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "exporter.config.reference"], cwd=TOP, capture_output=True, check=True
    )
    assert printed.stdout.decode() == reference()


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_in_the_reference(name: str) -> None:
    assert f"| `{name}` |" in reference()


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_in_the_example(name: str) -> None:
    assert re.search(rf"^ *(- |# *(- )?)?{name}:", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("field", list(fields(schema.ROOT)), ids=lambda field: field.name)
def test_every_key_is_described_in_a_sentence(field: Field) -> None:
    assert re.fullmatch(r"[A-Z`].*\.", field.description)


def test_the_example_passes_as_it_stands_with_a_warning_about_its_key() -> None:
    settings = load(TOP / "config.example.yaml", environment={})
    (warning,) = settings.warnings
    assert "accounts[0].api_key: " in warning
    assert [account.name for account in settings.accounts] == ["acme"]
    assert [source.name for source in settings.sources] == ["static", "file", "log", "http", "push", "gateway"]


def test_the_example_shows_the_defaults() -> None:
    settings = load(TOP / "config.example.yaml", environment={})
    assert settings == Settings(accounts=settings.accounts, sources=settings.sources, warnings=settings.warnings)
    assert settings.accounts[0].rate_limit == RateLimit(daily=100_000)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (schema.RATE_LIMIT, RateLimit()),
        (schema.POLLING, Polling()),
        (schema.CACHE, Cache()),
        (schema.STORAGE, Storage()),
        (schema.METRICS, Metrics()),
    ],
    ids=lambda part: type(part).__name__,
)
def test_the_defaults_that_are_told_are_those_that_hold(section: Section, values: object) -> None:
    for field in section.fields:
        if field.name in ("plan", "daily"):
            continue
        expected = getattr(values, field.name)
        shape = field.shape.item if isinstance(field.shape, Listed) else field.shape
        assert not isinstance(shape, Section | Listed | Named | Variants)
        told = [shape.read(Scalar(Position(1, 1), text, False)) for text in field.default.split(", ")]
        assert (tuple(told) if isinstance(field.shape, Listed) else told[0]) == expected
