"""Which requests are asked for: the query string of the list, in the API and on the page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from multidict import MultiMapping

from exporter.core.request import Record, State, Status
from exporter.store.store import Query
from exporter.web import pasted
from exporter.web.answers import Refusal
from exporter.web.backend import Backend

STUCK = "stuck"
STATES = (*(state.value for state in State), STUCK)
STATUSES = tuple(status.value for status in Status)
PARAMETERS = ("q", "account", "api", "status", "reason", "state", "limit", "cursor")
LIMIT = 100
MOST = 1000
_NUMBER = re.compile("[1-9][0-9]{0,17}")
_LONGEST = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The parameters as they were given, checked; None where one was left out or left empty, as an empty form field is. Of what was
    pasted as `q` only the name is kept: a URL may hold keys, and pages show it again."""

    q: str | None = None
    account: str | None = None
    api: str | None = None
    status: str | None = None
    reason: str | None = None
    state: str | None = None
    limit: int = LIMIT
    cursor: int | None = None

    def query(self, *, now: float, stuck_after: float) -> Query:
        """What to ask the store: one more than is shown, which tells whether there is a next page."""
        stuck = self.state == STUCK
        state = State.PENDING if stuck else State(self.state) if self.state else None
        return Query(
            account=self.account,
            api=self.api,
            status=Status(self.status) if self.status else None,
            state=state,
            reason=self.reason,
            prefix=self.q,
            stuck_before=now - stuck_after if stuck else None,
            before=self.cursor,
            limit=self.limit + 1,
        )


def parse(parameters: MultiMapping[str]) -> Filters:
    """Raises Refusal (400) that names every parameter that does not fit and what is allowed."""
    mistakes: list[str] = [
        f"{_shown(name)}: unknown parameter; allowed: {', '.join(PARAMETERS)}"
        for name in sorted(set(parameters))
        if name not in PARAMETERS
    ]
    mistakes += [f"{name}: given more than once" for name in PARAMETERS if len(parameters.getall(name, [])) > 1]
    given = {name: parameters[name] for name in PARAMETERS if parameters.get(name, "").strip()}
    mistakes += _mistakes(given)
    if mistakes:
        raise Refusal(400, "the query does not fit", mistakes[:20])
    limit, cursor, q = (given.pop(name, None) for name in ("limit", "cursor", "q"))
    return Filters(
        **given,
        q=pasted.name(q) if q else None,
        limit=int(limit or LIMIT),
        cursor=int(cursor) if cursor else None,
    )


async def matching(wanted: Filters, backend: Backend) -> tuple[Filters, list[Record]]:
    """The requests, one more than is shown where there are more, and the filters with the spelling that found them.

    Raises StoreError.
    """
    for q in pasted.spellings(wanted.q) if wanted.q else (None,):
        tried = replace(wanted, q=q)
        records = await backend.page(tried.query(now=backend.now(), stuck_after=backend.stuck_after))
        if records:
            return tried, records
    return wanted, []


def _mistakes(given: dict[str, str]) -> list[str]:
    checks = (
        ("q", _has_name, pasted.RULE),
        ("account", _is_name, f"must be a name of at most {_LONGEST} characters"),
        ("api", _is_name, f"must be a name of at most {_LONGEST} characters"),
        ("reason", _is_name, f"must be a name of at most {_LONGEST} characters"),
        ("status", STATUSES.__contains__, f"must be one of {_listed(STATUSES)}"),
        ("state", STATES.__contains__, f"must be one of {_listed(STATES)}"),
        ("limit", _is_limit, f"must be an integer from 1 to {MOST}"),
        ("cursor", _is_number, "must be the next_cursor of an earlier answer"),
    )
    return [f"{name}: {rule}" for name, fits, rule in checks if name in given and not fits(given[name])]


def _has_name(text: str) -> bool:
    return len(text) <= pasted.LONGEST and pasted.name(text) is not None


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST and text.isprintable()


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _is_limit(text: str) -> bool:
    return _is_number(text) and int(text) <= MOST


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _shown(name: str) -> str:
    """A name of the client's own making, cut: it comes back in the answer."""
    return name[:64] if name.isprintable() else ascii(name[:64])
