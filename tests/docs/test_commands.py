"""What the pages tell a reader to type exists."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from exporter.cli import COMMANDS, command_parser, main_parser
from tests.docs.pages import PAGES, ROOT, calls, commands


def refused(arguments: list[str]) -> str:
    """What the command line says against these arguments."""
    command = next((one for one in COMMANDS if arguments and arguments[0] == one.name), None)
    parser = main_parser() if command is None else command_parser(command)[0]
    with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.suppress(SystemExit):
        parser.read(arguments if command is None else arguments[1:], {})
    return told.getvalue()


def named(page: Path) -> str:
    return page.stem


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_flag_of_our_program_in_a_page_exists(page: Path) -> None:
    assert [told for arguments in calls(page) if (told := refused(arguments))] == []


def test_the_readme_and_the_quick_start_call_our_program() -> None:
    counts = {page.name: sum(1 for _ in calls(page)) for page in PAGES}
    assert counts["README.md"] > 5
    assert counts["quickstart.md"] > 3


def test_a_flag_that_does_not_exist_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("```\nvenv/bin/leadsquared-exporter plan \\\n  --arrival=1/1s\n```\n")
    assert [refused(arguments) for arguments in calls(tmp_path / "page.md")] == [
        "leadsquared-exporter plan: error: unrecognized arguments: --arrival=1/1s, try --help\n"
    ]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_target_and_script_in_a_page_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    found = [word for words in commands(page) if words[0] == "make" for word in words[1:2] if "=" not in word]
    assert set(found) <= set(targets)
    scripts = [words[0] for words in commands(page) if words[0].startswith("scripts/")]
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_every_link_of_the_pages_outside_of_docs_leads_to_a_file(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_folders_that_the_readme_names_are_there() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    paths = re.findall(r"`((?:alerts|deploy|docs|grafana)/[\w./-]*|[\w.]+\.example\.yaml)`", text)
    assert len(paths) > 4
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 150
