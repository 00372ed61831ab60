"""The site can be built, has every page, fetches nothing from elsewhere, and can be searched without a server."""

import logging
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Strict: a broken link or anchor, or a page that is not in the navigation, ends it with an error."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        logger = logging.getLogger("mkdocs")
        before = logger.level
        build(load_config(str(ROOT / "mkdocs.yaml"), site_dir=str(folder)))
        logger.setLevel(before)
        yield folder


def test_every_page_is_on_the_site_and_in_its_navigation(site: Path) -> None:
    pages = [page.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for page in (ROOT / "docs").rglob("*.md")]
    pages += ["changelog.html", "contributing.html", "security-policy.html"]
    listed = set(re.findall(r'<a href="([\w./-]+\.html)" class="md-nav__link', (site / "faq.html").read_text("utf-8")))

    assert [page for page in pages if not (site / page).is_file()] == []
    assert sorted(set(pages) - listed) == []


def test_links_that_leave_docs_lead_to_pages_of_the_site(site: Path) -> None:
    assert 'href="security-policy.html"' in (site / "security.html").read_text("utf-8")
    assert 'href="config.example.yaml"' in (site / "configuration.html").read_text("utf-8")
    assert 'href="architecture.html"' in (site / "contributing.html").read_text("utf-8")
    assert (site / "config.example.yaml").read_bytes() == (ROOT / "config.example.yaml").read_bytes()


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        fetched = re.findall(r'<(?:script|img|link|iframe)[^>]* (?:src|href)="(https?:)?//', page.read_text("utf-8"))
        assert fetched == [], page.name


def test_what_is_searched_comes_with_the_pages_and_not_by_a_call(site: Path) -> None:
    assert (site / "search" / "search_index.js").read_text("utf-8").startswith("var __index = {")
    for page in ("faq.html", "runbooks/LeadSquaredBacklog.html"):
        (shim,) = re.findall(r'<script src="([^"]*iframe-worker[^"]*)"', (site / page).read_text("utf-8"))
        assert (site / page).parent.joinpath(shim).is_file()


@pytest.mark.heavy
@pytest.mark.parametrize("page", ["index.html", "runbooks/LeadSquaredBacklog.html"])
def test_a_search_on_a_page_that_was_opened_from_a_folder_finds_pages(site: Path, page: str, tmp_path: Path) -> None:
    """It needs Chromium."""
    options = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=20000",
    )
    command = ("chromium", *options, "--dump-dom", f"{(site / page).as_uri()}?q=retention")
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    (told,) = re.findall(r'md-search-result__meta">\s*([^<]*)', shown)
    assert re.fullmatch(r"[1-9]\d* matching documents?\s*", told)
