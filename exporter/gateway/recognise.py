"""Which calls the gateway has to do with: submissions, and questions about their status. All others only pass."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from exporter.config import duration
from exporter.config.settings import Account, Api
from exporter.leadsquared.endpoints import BY_NAME, ENDPOINTS
from exporter.leadsquared.paths import Pattern, Segments, segments

MAX_AGE = "max_age"
DEFAULT_MAX_AGE = 5.0

SUBMITTING = ("POST", "PUT", "PATCH")
_ASKING = ("GET", "HEAD")
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


class Recogniser:
    """Knows the paths of one account at a time: those that are configured, and the submit paths of the APIs that are not."""

    def __init__(self) -> None:
        self._account: Account | None = None
        self._submissions: dict[Segments, Submission] = {}
        self._patterns: dict[int, list[tuple[Pattern, Submission]]] = {}
        self._questions: dict[Segments, list[Api]] = {}

    def recognise(self, method: str, target: str, account: Account) -> Call:
        """What a call is; None for anything else. `target` is path and query as they stand in the request line."""
        if account is not self._account:
            self._learn(account)
        path, _, query = target.partition("?")
        if method in SUBMITTING:
            return self._submission(segments(path))
        return self._status(target, segments(path), query) if method in _ASKING and query else None

    def _learn(self, account: Account) -> None:
        self._account = account
        self._submissions, self._patterns, self._questions = {}, {}, {}
        for pattern, submission in _known(account):
            if pattern.literal:
                self._submissions.setdefault(segments(pattern.text), submission)
            else:
                self._patterns.setdefault(len(pattern), []).append((pattern, submission))
        for api in account.apis.values():
            self._questions.setdefault(segments(api.status_path), []).append(api)

    def _submission(self, path: Segments) -> Submission | None:
        """A path that is written out goes before a pattern."""
        found = self._submissions.get(path)
        if found is not None:
            return found
        candidates = self._patterns.get(len(path), ())
        return next((submission for pattern, submission in candidates if pattern.matches(path)), None)

    def _status(self, target: str, path: Segments, query: str) -> StatusQuestion | None:
        for api in self._questions.get(path, ()):
            given = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
            request_id = given.get(api.request_id_param.lower())
            if request_id:
                max_age = _max_age(given.get(MAX_AGE))
                return StatusQuestion(
                    api=api.name, request_id=request_id, max_age=max_age, target=_without_max_age(target)
                )
        return None


def submit_paths(api: Api) -> tuple[str, ...]:
    return api.submit_paths or BY_NAME[api.name].submit_paths


def _known(account: Account) -> Iterator[tuple[Pattern, Submission]]:
    """What is configured goes before what is not."""
    for api in account.apis.values():
        for text in submit_paths(api):
            yield Pattern(text), Submission(api.name)
    for endpoint in ENDPOINTS:
        if endpoint.name not in account.apis:
            for text in endpoint.submit_paths:
                yield Pattern(text), Submission(endpoint.name)


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
    kept = [part for part in query.split("&") if unquote_plus(part.partition("=")[0]).lower() != MAX_AGE]
    return f"{path}?{'&'.join(kept)}"
