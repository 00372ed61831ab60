from dataclasses import replace
from html.parser import HTMLParser

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from exporter.core.request import Cause, State, Transition
from exporter.core.watch import QueueFigures
from exporter.gateway.finding import Finding, Kind
from exporter.web.backend import Rejected, SourceView, UnknownView
from exporter.web.layout import span
from exporter.web.markup import element
from tests.web.twins import ACCOUNT, API, IN_QUEUE, NOW, MemoryBackend, finished

HTML = {"Accept": "text/html,application/xhtml+xml"}


class Reader(HTMLParser):
    """The text of a page, its tags, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def links(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name == "href"]


async def read(client: ClientSession, path: str, status: int = 200) -> Reader:
    async with client.get(path, headers=HTML) as response:
        assert response.status == status
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        return Reader(await response.text())


async def test_a_removed_account_says_how_to_settle_what_is_left(client: ClientSession, backend: MemoryBackend) -> None:
    backend.accounts = [replace(ACCOUNT, breaker="removed", apis=(replace(API, staleness=None),))]
    page = await read(client, "/accounts/acme")
    assert "does not have this account any more" in page.text
    assert "DELETE /api/v1/requests/…" in page.text
    assert "not configured" in page.text
    assert "not polled" in page.text


async def test_the_status_page_shows_every_account(client: ClientSession, backend: MemoryBackend) -> None:
    backend.accounts = [ACCOUNT, replace(ACCOUNT, account="beta", breaker="backing_off", last_success=None, apis=())]
    backend.ended = {("acme", "lead_update"): {"success": 1500, "failure": 2}, ("acme", "call_log"): {"success": 7}}
    page = await read(client, "/")
    assert "acme working 3 1 1h 2m 12s 1,507 2 0 7 of 12 3s ago" in page.text
    assert ("title", "2026-02-02 02:39:57 UTC") in page.attributes
    assert "beta backing off 0 0 0s 0s 0 0 0 7 of 12 none yet" in page.text
    assert "/requests?account=acme&status=failure" in page.links
    assert {"/metrics", "/requests", "/accounts/acme", "/accounts/beta", "/style.css"} <= set(page.links)


async def test_the_status_page_shows_every_source(client: ClientSession, backend: MemoryBackend) -> None:
    backend.ways = [
        SourceView(name="push", kind="push", up=True, errors=0),
        SourceView(name="ids", kind="file", up=False, errors=3),
    ]
    assert "push push working 0 ids file failing 3" in (await read(client, "/")).text


async def test_the_status_page_tells_trouble(client: ClientSession, backend: MemoryBackend) -> None:
    backend.sick, backend.busy, backend.accounts = "the poll loop is silent", "starting", []
    page = await read(client, "/")
    assert "the poll loop is silent starting No accounts are configured." in page.text


@pytest.mark.parametrize("path", ["/", "/requests", "/requests/r-1", "/accounts/acme", "/runbooks"])
async def test_every_page_tells_that_the_last_reload_has_failed(
    client: ClientSession, backend: MemoryBackend, path: str
) -> None:
    backend.add("r-1")
    problems = [f"config.yaml:{line}:1: x: unknown key" for line in range(1, 13)]
    backend.refused = Rejected(what="configuration", problems=problems, since=NOW - 65.0)
    page = await read(client, path)

    assert (
        "The configuration can't be used since 2026-02-02 02:38:55 UTC (1m 5s ago) ; what was read before stays. What to do "
        "config.yaml:1:1: x: unknown key"
    ) in page.text
    assert "config.yaml:10:1: x: unknown key and 2 more, in the log" in page.text
    assert "/runbooks/LeadSquaredConfigReloadFailed" in page.links

    backend.refused = None
    assert "can't be used" not in (await read(client, path)).text


UNKNOWN = UnknownView(
    findings=[
        Finding(kind=Kind.PATH, what="/v3/…/Lead.Capture", api="lead_capture", count=1200, last=NOW - 60.0),
        Finding(kind=Kind.STATUS, what="/own/<state>", count=3, last=NOW),
    ],
    line="apis: {lead_capture: {submit_paths: [/v3/*/Lead.Capture]}}",
)


async def test_submissions_that_nobody_watches_are_told_on_the_status_page(
    client: ClientSession, backend: MemoryBackend
) -> None:
    backend.unknowns = {"acme": UNKNOWN}
    page = await read(client, "/")
    assert "1,200 submissions passed the gateway of acme and nobody watches them." in page.text
    backend.unknowns = {"acme": replace(UNKNOWN, findings=UNKNOWN.findings[1:])}
    assert "passed the gateway" not in (await read(client, "/")).text


async def test_an_account_shows_what_its_configuration_does_not_know_and_the_line(
    client: ClientSession, backend: MemoryBackend
) -> None:
    backend.unknowns = {"acme": UNKNOWN}
    page = await read(client, "/accounts/acme")
    assert "submissions to a path that no submit_paths names /v3/…/Lead.Capture lead_capture 1,200 1m ago" in page.text
    assert "status questions that no status_path names /own/<state> 3 0s ago" in page.text
    assert f"this would know it: {UNKNOWN.line}" in page.text
    backend.unknowns = {}
    assert "Not in the configuration" not in (await read(client, "/accounts/acme")).text


async def test_an_account_is_shown_with_its_apis_and_windows(client: ClientSession, backend: MemoryBackend) -> None:
    queue = QueueFigures(pending=1200.0, max_delay=90.0, per_second=0.5)
    backend.accounts = [replace(ACCOUNT, apis=(replace(API, queue=queue), replace(API, api="call_log")), up=False)]
    backend.ended = {("acme", "call_log"): {"error": 4}}
    page = await read(client, "/accounts/acme")
    assert "Key and host work no" in page.text
    assert "lead_update 3 1 1h 2m 12s 0 0 0 1,200 1m 30s 30 a minute" in page.text
    assert "call_log 3 1 1h 2m 12s 0 0 4 – – –" in page.text
    assert "burst 7 12 5 s daily 1,234 50,000 24 h" in page.text
    assert "/requests?account=acme&api=call_log&state=pending" in page.links


async def test_the_list_shows_requests_and_keeps_the_filters(client: ClientSession, backend: MemoryBackend) -> None:
    backend.add("done", submitted=NOW - 60.0, change=finished)
    backend.add("stuck", submitted=NOW - 7200.0)
    backend.add("gone", change=lambda one: one._replace(state=State.ABANDONED, cause=Cause.EXPIRED))
    page = await read(client, "/requests")
    assert "gone 0s ago acme lead_update abandoned: expired unknown none" in page.text
    assert "stuck 2h ago acme lead_update pending stuck unknown none" in page.text
    assert "done 1m ago acme lead_update finished success in_process_queue" in page.text
    filtered = await read(client, "/requests?q=do&state=finished&account=acme")
    assert "/requests/done" in filtered.links
    assert "/requests/stuck" not in filtered.links
    assert ("value", "do") in filtered.attributes
    assert filtered.tags.count("option") == 2 + 2 + 5 + 7
    assert [name for name, _ in filtered.attributes].count("selected") == 2
    assert "No requests match." in (await read(client, "/requests?q=nothing")).text


async def test_references_are_shown_where_there_are_any(client: ClientSession, backend: MemoryBackend) -> None:
    backend.add("plain")
    assert "Reference Submitted" not in (await read(client, "/requests")).text
    backend.add("a", reference="shop:2026/81#2")
    page = await read(client, "/requests?q=shop:2026/81%232")
    assert "RequestID Reference Submitted Account" in page.text
    assert "a shop:2026/81#2" in page.text
    assert ("value", "shop:2026/81#2") in page.attributes
    assert "Reference shop:2026/81#2" in (await read(client, "/requests/a")).text
    assert "Reference –" in (await read(client, "/requests/plain")).text


async def test_older_requests_are_one_link_away(client: ClientSession, backend: MemoryBackend) -> None:
    for number in range(5):
        backend.add(f"r{number}")
    page = await read(client, "/requests?limit=3&account=acme&q=")
    (older,) = [link for link in page.links if "cursor" in link]
    assert older == "/requests?limit=3&account=acme&cursor=3"
    assert "/requests/r1" in (await read(client, older)).links


async def test_one_request_is_shown_with_its_way(client: ClientSession, backend: MemoryBackend) -> None:
    backend.add("a", submitted=NOW - 60.0, change=finished)
    backend.transitions["a"] = (Transition(NOW - 30.0, IN_QUEUE),)
    page = await read(client, "/requests/a")
    assert "Finished after 2026-02-02 02:39:50 UTC (10s ago)" in page.text
    assert "Duration 50s to 1m" in page.text
    assert "2026-02-02 02:39:30 UTC (30s ago) in_queue queued none" in page.text
    assert "Abandoned –" in page.text


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.NOT_FOUND, "LeadSquared does not know this RequestID, so it is watched no more."),
        (Cause.EXPIRED, "It had not ended when polling.give_up_after was over, so it is watched no more."),
        (Cause.REMOVED, "It was taken off the watch by hand."),
    ],
)
async def test_an_abandoned_request_says_why_and_waits_for_nothing(
    client: ClientSession, backend: MemoryBackend, cause: Cause, words: str
) -> None:
    backend.add("r-1", change=lambda record: record._replace(state=State.ABANDONED, cause=cause, finished=NOW))
    page = await read(client, "/requests/r-1")

    assert words in page.text
    assert "No answer had changed anything." in page.text
    assert " yet" not in page.text


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/requests/unknown", 404, "no such request"),
        ("/accounts/unknown", 404, "no such account"),
        ("/requests?state=done", 400, "state: must be one of pending, finished, abandoned, stuck"),
        ("/nothing", 404, "no such path"),
    ],
)
async def test_errors_are_pages_for_browsers_and_json_for_programs(
    client: ClientSession, path: str, status: int, told: str
) -> None:
    assert told in (await read(client, path, status)).text
    async with client.get(path) as response:
        content = await response.json()
        assert told in [content["error"], *content["details"]]


async def test_the_api_answers_json_even_to_a_browser(client: ClientSession) -> None:
    async with client.get("/api/v1/requests/unknown", headers=HTML) as response:
        assert await response.json() == {"error": "no such request", "details": []}


async def test_whatever_is_shown_is_escaped(client: ClientSession, backend: MemoryBackend) -> None:
    nasty = "\"><script>alert('x')</script>/ü&amp;"
    view = replace(ACCOUNT, account=nasty, apis=(replace(API, api=nasty),))
    backend.accounts, backend.configured = [view], {nasty: [nasty]}
    backend.add("a", account=nasty, api=nasty, source=nasty, change=lambda one: one._replace(reason=nasty))
    account = "/accounts/%22%3E%3Cscript%3Ealert%28%27x%27%29%3C%2Fscript%3E%2F%C3%BC%26amp%3B"
    for path in ("/", "/requests", "/requests/a", f"/requests?reason={account[10:]}", "/accounts/acme"):
        async with client.get(path, headers=HTML) as response:
            text = await response.text()
        assert "<script" not in text
        assert "script" not in Reader(text).tags
    page = await read(client, "/")
    assert nasty in page.text
    assert account in page.links
    async with client.get(URL(account, encoded=True)) as response:
        assert response.status == 200
        assert nasty in Reader(await response.text()).text


async def test_pages_need_no_script_and_no_inline_style(client: ClientSession, backend: MemoryBackend) -> None:
    backend.add("a")
    for path in ("/", "/requests", "/requests/a", "/accounts/acme"):
        page = await read(client, path)
        assert not {"script", "style"} & set(page.tags)
        assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize(("path", "kind"), [("/style.css", "text/css"), ("/icon.svg", "image/svg+xml")])
async def test_style_and_icon_are_served(client: ClientSession, path: str, kind: str) -> None:
    async with client.get(path) as response:
        assert response.status == 200
        assert response.content_type == kind
        assert response.headers["Cache-Control"] == "max-age=300"


@given(st.text(), st.text())
def test_no_text_becomes_markup(text: str, value: str) -> None:
    shown = element("p", text, title=value)
    assert shown.count("<") == 2
    assert shown.count('"') == 2 + shown.partition('">')[2].count('"')


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0s"),
        (0.04, "0s"),
        (0.25, "0.2s"),
        (40.9, "40s"),
        (60.0, "1m"),
        (725.0, "12m 5s"),
        (3605.0, "1h"),
        (273600.0, "3d 4h"),
    ],
)
def test_a_span_reads_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text
