"""The pages for people: status, requests, one request, one account."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from aiohttp import web

from exporter import __version__
from exporter.core.request import Cause, Record, State, Status
from exporter.gateway.finding import Kind
from exporter.metrics.families import REMOVED
from exporter.metrics.snapshot import AccountView, ApiView, WindowView
from exporter.prefix import Prefix
from exporter.store.store import Found
from exporter.web import filters, pasted
from exporter.web.answers import Refusal
from exporter.web.api import find
from exporter.web.backend import Backend, Rejected, SourceView, UnknownView
from exporter.web.filters import Filters
from exporter.web.layout import ago, badge, facts, link, number, page, span, table, when
from exporter.web.markup import Child, Markup, element, join
from exporter.web.presentation import duration
from exporter.web.runbooks import Runbooks

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#2456d6"/>'
    '<path d="M4 4v8h8" fill="none" stroke="#fff" stroke-width="2.5"/></svg>\n'
)
_STATUS_MOODS = {Status.SUCCESS: "good", Status.FAILURE: "bad", Status.ERROR: "bad"}
_MODE_MOODS = {
    "closed": "good",
    "unauthorized": "bad",
    "backing_off": "bad",
    "paused": "warn",
    "probing": "warn",
    REMOVED: "bad",
}
_MODE_TEXTS = {"closed": "working", REMOVED: "not configured"}
_LEFT = (
    "The configuration does not have this account any more, so its pending requests are kept and not asked about. Configure it "
    "again to see them to their end, or remove each with DELETE /api/v1/requests/… ."
)
_HOUR = 3600.0


class Pages:
    """`rejected` tells of files beside the configuration that could not be read again."""

    def __init__(
        self,
        backend: Backend,
        *,
        telemetry_path: str,
        prefix: Prefix,
        rejected: Callable[[], Rejected | None] = lambda: None,
    ) -> None:
        self._backend = backend
        self._telemetry_path = telemetry_path
        self._prefix = prefix
        self._rejected = rejected
        self._runbooks = Runbooks()
        self._style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")

    def routes(self) -> list[web.RouteDef]:
        routes: list[web.RouteDef] = [
            web.get("/requests", self.requests),
            web.get("/requests/{request_id}", self.request),
            web.get("/accounts/{name}", self.account),
            web.get("/runbooks", self.runbooks),
            web.get("/runbooks/", self.runbooks),
            web.get("/runbooks/{alert}", self.runbook),
            web.get("/style.css", self.style),
            web.get("/icon.svg", self.icon),
        ]
        # Some serve the metrics at the root; they have no status page then.
        return routes if self._telemetry_path == "/" else [web.get("/", self.status), *routes]

    def error(self, refusal: Refusal) -> web.Response:
        """An error for somebody who looks at a page."""
        details = element("ul", *(element("li", detail) for detail in refusal.details)) if refusal.details else None
        shown = self._page(f"Error {refusal.status}", element("p", refusal.error), details, status=refusal.status)
        shown.headers.update(refusal.headers)
        return shown

    async def status(self, _: web.Request) -> web.Response:
        now = self._backend.now()
        views = self._backend.views()
        trouble = [one for one in (self._backend.unhealthy(), self._backend.unready()) if one]
        finished = self._backend.finished()
        to = self._prefix.to
        accounts = (_account_row(view, finished, now, to) for view in views)
        sources = (_source_row(one) for one in self._backend.sources())
        return self._page(
            "Status",
            *(element("p", one, class_="alarm") for one in trouble),
            *(_unwatched(view.account, self._backend.unknown(view.account), to) for view in views),
            table(_ACCOUNT_HEADINGS, accounts, empty="No accounts are configured."),
            element("h2", "Sources"),
            table(("Source", "Type", "State", "Errors"), sources, empty="No sources are configured."),
            element("p", f"Version {__version__}", class_="quiet"),
        )

    async def account(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        view = next((view for view in self._backend.views() if view.account == name), None)
        if view is None:
            raise Refusal(404, "no such account")
        finished = self._backend.finished()
        now = self._backend.now()
        return self._page(
            f"Account {name}",
            element("p", _LEFT, class_="alarm") if view.breaker == REMOVED else None,
            facts(_account_facts(view, now, self._prefix.to)),
            *_unknown(self._backend.unknown(name), now),
            element("h2", "APIs"),
            table(
                _API_HEADINGS,
                (_api_row(view, api, finished, self._prefix.to) for api in view.apis),
                empty="No APIs are configured.",
            ),
            element("h2", "Rate limit"),
            table(
                ("Window", "Used", "Allowed here", "Length"), (_window_row(one) for one in view.windows), empty="None."
            ),
        )

    async def requests(self, request: web.Request) -> web.Response:
        wanted, records = await filters.matching(filters.parse(request.query), self._backend)
        now = self._backend.now()
        shown = records[: wanted.limit]
        more = self._next_page(request, wanted, shown[-1]) if len(records) > wanted.limit else None
        # Most applications tell none.
        referred = any(record.reference for record in shown)
        headings = ("RequestID", *(["Reference"] if referred else []), *_REQUEST_HEADINGS)
        rows = (self._request_row(record, now, referred=referred) for record in shown)
        return self._page("Requests", self._form(wanted), table(headings, rows, empty="No requests match."), more)

    async def request(self, request: web.Request) -> web.Response:
        found = await find(self._backend, request)
        now = self._backend.now()
        steps = (
            (when(one.time, now), _status(one.progress.status), one.progress.current_step, one.progress.last_step)
            for one in found.transitions
        )
        cause = found.record.cause
        return self._page(
            f"Request {found.record.request_id}",
            element("p", _ABANDONED[cause]) if cause else None,
            facts(self._request_facts(found, now)),
            element("h2", "Transitions"),
            table(("Seen", "Status", "Current step", "Last step"), steps, empty=_UNCHANGED[found.record.state]),
        )

    async def runbooks(self, _: web.Request) -> web.Response:
        names = (element("li", link(name, self._prefix.to("runbooks", name))) for name in self._runbooks.alerts)
        return self._page("Runbooks", element("ul", *names))

    async def runbook(self, request: web.Request) -> web.Response:
        alert = request.match_info["alert"]
        text = self._runbooks.read(alert)
        if text is None:
            raise Refusal(404, "no such runbook")
        return self._page(alert, element("div", text, class_="text"))

    async def style(self, _: web.Request) -> web.Response:
        return _asset(self._style, "text/css")

    async def icon(self, _: web.Request) -> web.Response:
        return _asset(ICON, "image/svg+xml")

    def _page(self, title: str, *content: Child, status: int = 200) -> web.Response:
        both = (self._backend.rejected(), self._rejected())
        alarms = [_rejected(one, self._backend.now(), self._prefix.to) for one in both if one]
        return page(title, *alarms, *content, prefix=self._prefix, telemetry_path=self._telemetry_path, status=status)

    def _next_page(self, request: web.Request, wanted: Filters, last: Record) -> Markup:
        parameters = {name: value for name, value in request.query.items() if value.strip()}
        parameters |= {"cursor": str(last.sequence)} | ({"q": wanted.q} if wanted.q else {})
        return element("p", link("Older requests", self._prefix.to("requests", **parameters)))

    def _form(self, wanted: Filters) -> Markup:
        apis = self._backend.apis()
        api_names = sorted({api for names in apis.values() for api in names})
        return element(
            "form",
            _field(
                "RequestID or reference",
                element("input", name="q", value=wanted.q or "", maxlength=str(pasted.LONGEST)),
            ),
            _field("Account", _choice("account", sorted(apis), wanted.account)),
            _field("API", _choice("api", api_names, wanted.api)),
            _field("State", _choice("state", filters.STATES, wanted.state)),
            _field("Status", _choice("status", filters.STATUSES, wanted.status)),
            _field("Reason", element("input", name="reason", value=wanted.reason or "", maxlength="128")),
            element("button", "Show", type="submit"),
            action=self._prefix.to("requests"),
            method="get",
        )

    def _request_row(self, record: Record, now: float, *, referred: bool) -> tuple[Child, ...]:
        return (
            link(record.request_id, self._prefix.to("requests", record.request_id)),
            *([record.reference or ""] if referred else []),
            ago(record.first_seen if record.submitted is None else record.submitted, now),
            link(record.account, self._prefix.to("accounts", record.account)),
            record.api,
            self._state(record, now),
            _status(record.progress.status),
            record.progress.last_step,
            record.reason or "",
        )

    def _request_facts(self, found: Found, now: float) -> Iterable[tuple[str, Child]]:
        record = found.record
        finished = record.state is State.FINISHED
        bounds = duration(record)
        return (
            ("Reference", record.reference),
            ("State", self._state(record, now)),
            ("Status", _status(record.progress.status)),
            ("Current step", record.progress.current_step),
            ("Last step", record.progress.last_step),
            ("Reason", record.reason),
            ("Account", link(record.account, self._prefix.to("accounts", record.account))),
            ("API", record.api),
            ("Source", record.source),
            ("Submitted", when(record.submitted, now) or "unknown"),
            ("First seen", when(record.first_seen, now)),
            ("Last answer", when(record.answered, now)),
            ("Finished after", when(record.finished_after, now) if finished else None),
            ("Finished before", when(record.finished, now) if finished else None),
            ("Abandoned", when(record.finished, now) if record.state is State.ABANDONED else None),
            ("Duration", f"{span(bounds[0])} to {span(bounds[1])}" if bounds else None),
            ("Polls", str(record.polls)),
        )

    def _state(self, record: Record, now: float) -> Markup:
        origin = record.first_seen if record.submitted is None else record.submitted
        if record.state is State.PENDING and origin < now - self._backend.stuck_after:
            return join(badge(record.state), badge("stuck", "warn"))
        cause = f": {Cause(record.cause)}" if record.cause else ""
        return badge(f"{record.state}{cause}", "warn" if record.cause else "")


_ABANDONED = {
    Cause.NOT_FOUND: "LeadSquared does not know this RequestID, so it is watched no more. It may belong to another account or "
    "API, or be misspelled.",
    Cause.EXPIRED: "It had not ended when polling.give_up_after was over, so it is watched no more. What became of the update, "
    "LeadSquared knows.",
    Cause.REMOVED: "It was taken off the watch by hand. What became of the update, LeadSquared knows.",
}
_UNCHANGED = {
    State.PENDING: "No answer has changed anything yet.",
    State.FINISHED: "None are kept.",
    State.ABANDONED: "No answer had changed anything.",
}
_MOST_PROBLEMS = 10
_FINDINGS = {
    Kind.PATH: "submissions to a path that no submit_paths names",
    Kind.API: "submissions to an API that apis lack",
    Kind.STATUS: "status questions that no status_path names",
}
_REQUEST_HEADINGS = ("Submitted", "Account", "API", "State", "Status", "Last step", "Reason")
_ENDED = (Status.SUCCESS, Status.FAILURE, Status.ERROR)
_COUNTS = ("Pending", "Stuck", "Oldest pending", "Longest unpolled", *(status.capitalize() for status in _ENDED))
_ACCOUNT_HEADINGS = ("Account", "State", *_COUNTS, "Calls in window", "Last answer")
_API_HEADINGS = ("API", *_COUNTS, "LeadSquared's queue", "Its delay", "Its rate")
_To = Callable[..., str]
_Finished = Mapping[tuple[str, str], Mapping[str, int]]


def _rejected(one: Rejected, now: float, to: _To) -> Markup:
    shown = [element("li", problem) for problem in one.problems[:_MOST_PROBLEMS]]
    if (rest := len(one.problems) - len(shown)) > 0:
        shown.append(element("li", f"and {number(rest)} more, in the log"))
    since = join(" since ", when(one.since, now)) if one.since is not None else None
    runbook = link("What to do", to("runbooks", "LeadSquaredConfigReloadFailed"))
    told = element("p", f"The {one.what} can't be used", since, "; what was read before stays. ", runbook)
    return element("div", told, element("ul", *shown), class_="alarm")


def _account_row(view: AccountView, finished: _Finished, now: float, to: _To) -> tuple[Child, ...]:
    window = next(iter(view.windows), None)
    counts = [count for (account, _), count in finished.items() if account == view.account]
    return (
        link(view.account, to("accounts", view.account)),
        _mode(view),
        number(sum(_pending(api) for api in view.apis)),
        number(sum(_stuck(api) for api in view.apis)),
        span(max((api.oldest_age for api in view.apis), default=0.0)),
        span(max((api.staleness or 0.0 for api in view.apis), default=0.0)),
        *(_ended(status, counts, to, account=view.account) for status in _ENDED),
        f"{window.used} of {window.allowed}" if window else "",
        ago(view.last_success, now) or "none yet",
    )


def _unwatched(account: str, unknown: UnknownView, to: _To) -> Markup | None:
    """Updates that nobody watches are trouble, whatever else works."""
    count = sum(one.count for one in unknown.findings if one.is_submission)
    if not count:
        return None
    passed = f"{number(count)} submission{'s' if count > 1 else ''} passed the gateway of "
    return element("p", passed, link(account, to("accounts", account)), " and nobody watches them.", class_="alarm")


def _unknown(unknown: UnknownView, now: float) -> Iterable[Child]:
    if not unknown.findings:
        return
    yield element("h2", "Not in the configuration")
    rows = (
        (_FINDINGS[one.kind], one.what, one.api or "", number(one.count), ago(one.last, now))
        for one in unknown.findings
    )
    yield table(("What passed the gateway", "Where", "API", "Times", "Last"), rows, empty="")
    if unknown.line:
        yield element("p", "In the configuration of the account, this would know it:")
        yield element("pre", unknown.line)


def _source_row(view: SourceView) -> tuple[Child, ...]:
    state = badge("working", "good") if view.up else badge("failing", "bad")
    return view.name, view.kind, state, number(view.errors)


def _ended(status: Status, counts: Iterable[Mapping[str, int]], to: _To, **wanted: str) -> Child:
    """How many ended like this, and where they are shown."""
    count = sum(one.get(status, 0) for one in counts)
    return link(number(count), to("requests", **wanted, status=status)) if count else "0"


def _account_facts(view: AccountView, now: float, to: _To) -> Iterable[tuple[str, Child]]:
    up = "not known yet" if view.up is None else "yes" if view.up else "no"
    return (
        ("State", _mode(view)),
        ("Key and host work", up),
        ("Last answer", when(view.last_success, now)),
        ("Pace", f"{view.pace:.0%} of what is allowed"),
        ("Requests", link("show them", to("requests", account=view.account))),
    )


def _api_row(view: AccountView, api: ApiView, finished: _Finished, to: _To) -> tuple[Child, ...]:
    counts = [finished.get((view.account, api.api), {})]
    queue = api.queue
    delay = queue.max_delay if queue else None
    rate = queue.per_second if queue else None
    return (
        link(api.api, to("requests", account=view.account, api=api.api, state=State.PENDING)),
        number(_pending(api)),
        number(_stuck(api)),
        span(api.oldest_age),
        "not polled" if api.staleness is None else span(api.staleness),
        *(_ended(status, counts, to, account=view.account, api=api.api) for status in _ENDED),
        number(queue.pending if queue else None),
        number(None) if delay is None else span(delay),
        number(None) if rate is None else f"{number(rate * 60)} a minute",
    )


def _window_row(window: WindowView) -> tuple[Child, ...]:
    length = f"{window.seconds / _HOUR:g} h" if window.seconds >= _HOUR else f"{window.seconds:g} s"
    return window.name, number(window.used), number(window.allowed), length


def _pending(api: ApiView) -> int:
    return sum(api.pending.values())


def _stuck(api: ApiView) -> int:
    return sum(api.stuck.values())


def _mode(view: AccountView) -> Markup:
    text = _MODE_TEXTS.get(view.breaker) or view.breaker.replace("_", " ")
    return badge(text, _MODE_MOODS.get(view.breaker, ""))


def _status(status: Status) -> Markup:
    return badge(status, _STATUS_MOODS.get(status, ""))


def _field(label: str, control: Markup) -> Markup:
    return element("label", element("span", label), control)


def _choice(name: str, options: Iterable[str], chosen: str | None) -> Markup:
    shown = [element("option", "any", value="")]
    shown += [element("option", option, value=option, selected=option == chosen) for option in options]
    return element("select", *shown, name=name)


def _asset(text: str, content_type: str) -> web.Response:
    return web.Response(text=text, content_type=content_type, headers={"Cache-Control": "max-age=300"})
