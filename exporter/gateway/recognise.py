"""Which calls the gateway has to do with: submissions, and questions about their status. All others only pass."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from exporter.config import duration
from exporter.config.settings import Account
from exporter.leadsquared.endpoints import BY_NAME, ENDPOINTS

MAX_AGE = "max_age"
DEFAULT_MAX_AGE = 5.0

# The connector's key and an id follow the path.
_CALL_LOG = BY_NAME["call_log"].submit_path + "/"
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Submission:
    """Its answer, if it is a good one, has a RequestID."""

    api: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusQuestion:
    """`max_age` seconds may have passed since an unfinished answer; None where it can't be read. `target` is the call as
    LeadSquared is asked it: without max_age, which is meant for the gateway."""

    api: str
    request_id: str
    max_age: float | None
    target: str


Call = Submission | StatusQuestion | None

_SUBMISSIONS = {endpoint.submit_path: Submission(endpoint.name) for endpoint in ENDPOINTS}


def recognise(method: str, target: str, account: Account) -> Call:
    """What a call is; None for anything else. `target` is path and query as they stand in the request line."""
    path, _, query = target.partition("?")
    path = path.rstrip("/").lower()
    if method == "POST":
        return _submission(path)
    return _status(target, path, query, account) if method in ("GET", "HEAD") and query else None


def _submission(path: str) -> Submission | None:
    return _SUBMISSIONS.get(path) or (Submission("call_log") if path.startswith(_CALL_LOG) else None)


def _status(target: str, path: str, query: str, account: Account) -> StatusQuestion | None:
    for api in account.apis.values():
        if path == api.status_path.rstrip("/").lower():
            given = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
            request_id = given.get(api.request_id_param.lower())
            if request_id:
                max_age = _max_age(given.get(MAX_AGE))
                return StatusQuestion(
                    api=api.name, request_id=request_id, max_age=max_age, target=_without_max_age(target)
                )
    return None


def _max_age(text: str | None) -> float | None:
    if text is None:
        return DEFAULT_MAX_AGE
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        return duration.parse(text)
    except ValueError:
        return None


def _without_max_age(target: str) -> str:
    """Everything else stays byte for byte."""
    path, _, query = target.partition("?")
    kept = [part for part in query.split("&") if part.partition("=")[0].lower() != MAX_AGE]
    return f"{path}?{'&'.join(kept)}"
