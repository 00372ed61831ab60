from pathlib import Path

from exporter.metrics.families import FAMILIES
from exporter.metrics.reference import reference

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_document_is_what_the_declaration_says() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == reference()


def test_every_family_is_documented() -> None:
    assert [name for family in FAMILIES if (name := f"`{family.name}`") not in reference()] == []
