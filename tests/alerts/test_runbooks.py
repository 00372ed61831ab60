"""Every alert has its page, and every page can be followed."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from multidict import MultiDict

from alerts.catalogue import ALERTS
from exporter.web.filters import parse
from tests.promql import undeclared

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
HEADINGS = ["Meaning", "Impact", "What to look at", "What to do"]


def named(page: Path) -> str:
    return page.stem


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    assert [page.stem for page in PAGES] == sorted({alert.name for alert in ALERTS})


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_has_its_name_and_the_four_headings_with_something_under_each(page: Path) -> None:
    title, *sections = re.split(r"^#+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert title.strip() == page.stem
    assert [section.partition("\n")[0] for section in sections] == HEADINGS
    assert [section for section in sections if len(section.split()) < 12] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_queries_of_a_page_name_only_what_is_declared(page: Path) -> None:
    queries = re.findall(r"^```promql\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert queries
    assert [undeclared(query) for query in queries if undeclared(query)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not (page.parent / link).is_file()] == []
    for shown in re.findall(r"`(/requests\?[^`]+)`", text):
        # What the exporter does not know it refuses.
        parse(MultiDict(parse_qsl(urlsplit(shown).query)))
