"""Which status and metrics paths an account has: what to ask, and what an answer tells about its path. No calls are made here."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from exporter.config.settings import Account
from exporter.errors import CallError, Forbidden, InvalidResponse, NotFound, RateLimited, Unauthorized
from exporter.leadsquared.answer import overhear, read_queue, read_status
from exporter.leadsquared.endpoints import BY_NAME, ENDPOINTS, Endpoint, KnownPath
from exporter.leadsquared.transport import RawAnswer

# No request has it. That an answer says so tells that its path is one for statuses.
NOBODYS = "00000000-0000-4000-8000-000000000000"
DEFAULT_PARAMETER = "RequestID"
STATUS = "status"
METRICS = "metrics"
_TASK = re.compile(b"taskstatus", re.IGNORECASE)
_ODD = re.compile("[^A-Za-z0-9_./-]")


class Verdict(Enum):
    """Of a path: it is one; it may be one; it is none, or nothing tells."""

    WORKS = "works"
    MAY_WORK = "may work"
    UNKNOWN = "does not tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call. `apis` are those that may have the path."""

    kind: str
    path: str
    apis: tuple[str, ...]
    parameter: str = ""
    request_id: str = ""

    @property
    def params(self) -> dict[str, str]:
        return {self.parameter: self.request_id} if self.parameter else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an answer tells, in words without its contents. `api` is the one that has the path, None where nothing tells."""

    question: Question
    verdict: Verdict
    text: str
    api: str | None = None


def questions(account: Account, request_ids: Sequence[str]) -> list[Question]:
    """Each path once with each RequestID: first what is configured, then what is known."""
    asked: dict[tuple[str, str, str, str], Question] = {}
    for one in _candidates(account, request_ids):
        key = one.kind, one.path, one.parameter, one.request_id
        former = asked.get(key)
        asked[key] = one if former is None else replace(former, apis=tuple(dict.fromkeys((*former.apis, *one.apis))))
    return list(asked.values())


def _candidates(account: Account, request_ids: Sequence[str]) -> Iterator[Question]:
    for endpoint in _configured_first(account):
        api = account.apis.get(endpoint.name)
        for path in _paths(None if api is None else api.status_path, endpoint.status):
            for request_id in request_ids or (NOBODYS,):
                yield Question(
                    kind=STATUS,
                    path=path,
                    apis=(endpoint.name,),
                    parameter=DEFAULT_PARAMETER if api is None else api.request_id_param,
                    request_id=request_id,
                )
    for endpoint in _configured_first(account):
        api = account.apis.get(endpoint.name)
        for path in _paths(None if api is None else api.metrics_path, endpoint.metrics):
            yield Question(kind=METRICS, path=path, apis=(endpoint.name,))


def _configured_first(account: Account) -> list[Endpoint]:
    return sorted(ENDPOINTS, key=lambda one: one.name not in account.apis)


def _paths(configured: str | None, known: Sequence[KnownPath]) -> list[str]:
    first = [] if configured is None else [configured]
    return list(dict.fromkeys([*first, *(one.text for one in known)]))


def judge(question: Question, answer: RawAnswer) -> Finding:
    """What the answer tells, by its code and shape. Raises RateLimited and Unauthorized, which are about all paths."""
    try:
        return _metrics(question, answer) if question.kind == METRICS else _status(question, answer)
    except (RateLimited, Unauthorized):
        raise
    except NotFound:
        return _not_found(question, answer)
    except Forbidden:
        return unanswered(question, f"{answer.code}: forbidden, for want of the path or of a right of the key")
    except InvalidResponse as error:
        return unanswered(question, f"{answer.code}: {error}")
    except CallError as error:
        return unanswered(question, f"{answer.code}: {error.kind.replace('_', ' ')}")


def unanswered(question: Question, text: str) -> Finding:
    return Finding(question=question, verdict=Verdict.UNKNOWN, text=text)


def _metrics(question: Question, answer: RawAnswer) -> Finding:
    read_queue(answer)
    return Finding(question=question, verdict=Verdict.WORKS, text=f"{answer.code}: queue metrics", api=_only(question))


def _status(question: Question, answer: RawAnswer) -> Finding:
    read_status(answer, question.request_id)
    heard = overhear(answer)
    named = None if heard is None else heard.api
    text = f"{answer.code}: a status" + (f" of {named}" if named else " of an API that it does not name")
    # The vendor's word goes before what is known of the path.
    return Finding(question=question, verdict=Verdict.WORKS, text=text, api=named or _only(question))


def _not_found(question: Question, answer: RawAnswer) -> Finding:
    """A status answer without a status comes from a status path; an error may come from no path at all."""
    if answer.code == 200 and _TASK.search(answer.body):
        text = "200: a status answer that does not know the RequestID"
        return Finding(question=question, verdict=Verdict.MAY_WORK, text=text, api=_only(question))
    return unanswered(question, f"{answer.code}: not found, for want of the path or of the RequestID")


def _only(question: Question) -> str | None:
    return question.apis[0] if len(question.apis) == 1 else None


def learned(findings: Sequence[Finding]) -> dict[str, dict[str, Finding]]:
    """By API, the best finding for its keys `status_path` and `metrics_path`. Of several that are as good the first that was
    asked is taken: what is configured stays."""
    found: dict[str, dict[str, Finding]] = {}
    for verdict in (Verdict.WORKS, Verdict.MAY_WORK):
        for one in findings:
            if one.verdict is verdict and one.api is not None:
                found.setdefault(one.api, {}).setdefault(f"{one.question.kind}_path", one)
    return found


def configuration(account: str, findings: Sequence[Finding]) -> list[str]:
    """The lines for the paths that work; none where none does."""
    found = learned(findings)
    if not found:
        return []
    lines = ["accounts:", f"  - name: {account}", "    apis:"]
    for name in sorted(found, key=list(BY_NAME).index):
        lines += [f"      {name}:", *_keys(found[name])]
    return lines


def _keys(found: Mapping[str, Finding]) -> Iterator[str]:
    for key in ("status_path", "metrics_path"):
        one = found.get(key)
        if one is not None:
            doubt = "    # it did not know the RequestID" if one.verdict is Verdict.MAY_WORK else ""
            yield f"        {key}: {json.dumps(one.question.path) if _ODD.search(one.question.path) else one.question.path}{doubt}"
    parameter = found["status_path"].question.parameter if "status_path" in found else DEFAULT_PARAMETER
    if parameter != DEFAULT_PARAMETER:
        yield f"        request_id_param: {json.dumps(parameter)}"
    if "metrics_path" not in found:
        yield "        metrics_path: null    # none that is known answers with figures"
