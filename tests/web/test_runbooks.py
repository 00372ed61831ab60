from pathlib import Path

import pytest
from aiohttp import ClientSession

from alerts.catalogue import ALERTS
from exporter.web.runbooks import Runbooks
from tests.web.test_pages import read
from website.runbooks import RUNBOOKS, rendered

NAMES = sorted({alert.name for alert in ALERTS})


@pytest.mark.parametrize("alert", NAMES)
async def test_every_alert_has_its_runbook_at_the_exporter(client: ClientSession, alert: str) -> None:
    page = await read(client, f"/runbooks/{alert}")

    assert alert in page.text
    assert "Meaning" in page.text
    assert "What to do" in page.text
    assert {"script", "style", "img"}.isdisjoint(page.tags)
    assert "style" not in dict(page.attributes)
    # Relative, so that they hold under any prefix.
    others = [link for link in page.links if not link.startswith("/")]
    assert [link for link in others if link not in NAMES] == []


async def test_all_runbooks_are_listed(client: ClientSession) -> None:
    for path in ("/runbooks", "/runbooks/"):
        links = (await read(client, path)).links
        assert [link for link in links if link.startswith("/runbooks/")] == [f"/runbooks/{name}" for name in NAMES]


async def test_an_alert_that_there_is_not_has_no_runbook(client: ClientSession) -> None:
    for name in ("Nothing", "..%2Fstyle", "LeadSquaredBacklog.html"):
        assert "no such runbook" in (await read(client, f"/runbooks/{name}", 404)).text


def test_the_runbooks_of_the_package_are_those_of_the_documentation() -> None:
    pages: dict[str, str] = {page.stem: page.read_text("utf-8") for page in Path(RUNBOOKS).glob("*.md")}

    assert list(Runbooks().alerts) == sorted(pages)
    assert {name: Runbooks().read(name) for name in pages} == {name: rendered(text) for name, text in pages.items()}


def test_links_to_what_the_exporter_does_not_have_are_left_as_text() -> None:
    text = "# Title\n\n[a](LeadSquaredBacklog.md) [b](../gateway.md) [c](https://example.com/)\n"

    assert rendered(text) == ('<p><a href="LeadSquaredBacklog">a</a> b <a href="https://example.com/">c</a></p>\n')
