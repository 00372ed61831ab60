"""What an answer of LeadSquared means. RequestBody, Message and the text of StatusReason end here: nothing returned or
raised holds any of them.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from exporter.core.request import NO_STEP, OTHER, REQUEST_ID, Report, Status
from exporter.core.vocabulary import snake
from exporter.core.watch import QueueFigures
from exporter.errors import (
    BadRequest,
    CallError,
    Forbidden,
    InvalidResponse,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
)
from exporter.leadsquared.endpoints import ENDPOINTS
from exporter.leadsquared.reason import reduce
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer

_STATUSES = {
    "inqueue": Status.IN_QUEUE,
    "success": Status.SUCCESS,
    "failure": Status.FAILURE,
    "error": Status.ERROR,
}
# No status and no step is longer; a longer text is none of them, and is not kept in a cache.
_LONGEST_WORD = 128
_MOST_LOWER = 64
_LOWER: dict[tuple[str, ...], tuple[str, ...]] = {}
_decode = json.JSONDecoder().decode
_NOT_LETTERS = re.compile(r"[^a-z]+")
_TASK_TYPES = {endpoint.task_type.casefold(): endpoint.name for endpoint in ENDPOINTS}
# Looked for before anything is parsed: most answers to other calls have neither.
_NAMED = re.compile(rb"requestid|taskstatus", re.IGNORECASE)
_RATE = re.compile(r"rate\s*limit|exceeded the limit|limit exceeded|too many requests", re.IGNORECASE)
_AUTHORITY = re.compile(r"un-?authori[sz]ed|AuthenticationFailed|InvalidAccessDetails", re.IGNORECASE)
_ABOUT_THE_ID = re.compile(r"request[\s_]*id|not\s*found|does\s*n[o']t\s*exist|no such|unknown request", re.IGNORECASE)


def read_status(answer: RawAnswer, request_id: str) -> Report:
    """What a status answer says about `request_id`. Raises the CallError that fits when it says nothing."""
    fields = _fields(answer)
    if fields is None:
        raise InvalidResponse("a status answer that is not a JSON object")
    answered_id = fields.get("requestid", request_id)
    if not isinstance(answered_id, str) or answered_id.casefold() != request_id.casefold():
        raise InvalidResponse("a status answer about another RequestID")
    if "taskstatus" not in fields:
        raise InvalidResponse("a status answer without TaskStatus")
    task = fields["taskstatus"]
    if task is None:
        raise NotFound
    if not isinstance(task, dict):
        raise InvalidResponse("a TaskStatus that is not an object")
    return _report(_folded(task))


def read_submission(answer: RawAnswer) -> str:
    """The RequestID that a submission was answered with. Raises the CallError that fits when there is none."""
    document = _json(answer)
    fields = _folded(document) if isinstance(document, dict) else {}
    error = find_error(answer, fields)
    if error is not None:
        raise error
    request_id = fields.get("requestid")
    if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
        raise InvalidResponse("a submission's answer without a RequestID that can be read")
    return request_id


class Overheard(NamedTuple):
    """What an answer to an unknown call shows: a RequestID, None for none; and where it is a status, the API that it is of, None
    for one that is not known."""

    request_id: str | None
    is_status: bool
    api: str | None = None


def overhear(answer: RawAnswer) -> Overheard | None:
    """None for an answer that has nothing to do with a RequestID, and for an error."""
    if not 200 <= answer.code < 300 or not _NAMED.search(answer.body):
        return None
    document = _json(answer)
    fields = _folded(document) if isinstance(document, dict) else {}
    if _envelope(fields) is not None:
        return None
    request_id, task = fields.get("requestid"), fields.get("taskstatus")
    known = request_id if isinstance(request_id, str) and REQUEST_ID.fullmatch(request_id) else None
    if isinstance(task, dict):
        return Overheard(known, is_status=True, api=_api(_folded(task).get("tasktype")))
    # That it knows no such RequestID is all that such an answer says.
    return None if known is None or "taskstatus" in fields else Overheard(known, is_status=False)


def _api(task_type: object) -> str | None:
    return _TASK_TYPES.get(task_type.casefold()) if isinstance(task_type, str) else None


def find_error(answer: RawAnswer, fields: Mapping[str, object]) -> CallError | None:
    """What is wrong with an answer to anything but a question about a RequestID; None for nothing. `fields` are those of the
    JSON in it, none where it has none or nobody looked."""
    envelope = _envelope(fields)
    if 200 <= answer.code < 400 and envelope is None:
        return None
    error = _error(answer, envelope or "")
    return _unasked(answer) if isinstance(error, NotFound) and answer.code != 404 else error


def read_queue(answer: RawAnswer) -> QueueFigures:
    """The figures of a queue metrics answer. Raises the CallError that fits when it has none."""
    fields = _fields(answer)
    if fields is None:
        raise InvalidResponse("a queue metrics answer that is not a JSON object")
    rate = _number(fields.get("processingrateperminute"))
    figures = QueueFigures(
        pending=_number(fields.get("pendingmessages")),
        max_delay=_number(fields.get("maxdelayinseconds")),
        per_second=None if rate is None else rate / 60,
    )
    if figures.pending is None and figures.max_delay is None and figures.per_second is None:
        raise InvalidResponse("a queue metrics answer without figures")
    return figures


def _report(task: Mapping[str, object]) -> Report:
    status = _status(task.get("status"))
    failed = status in (Status.FAILURE, Status.ERROR)
    return Report(
        status=status,
        current_step=_step(task.get("taskcurrentstep")),
        last_step=_step(task.get("tasklaststep")),
        reason=reduce(task.get("statusreason")) if failed else None,
    )


def _status(value: object) -> Status:
    if not isinstance(value, str) or len(value) > _LONGEST_WORD:
        return Status.OTHER
    return _known_status(value)


def _step(value: object) -> str:
    if value is None or value == "":
        return NO_STEP
    return _known_step(value) if isinstance(value, str) and len(value) <= _LONGEST_WORD else OTHER


# The same few words come with every answer.
_known_step = lru_cache(maxsize=256)(snake)


@lru_cache(maxsize=256)
def _known_status(word: str) -> Status:
    return _STATUSES.get(_NOT_LETTERS.sub("", word.lower()), Status.OTHER)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) and number >= 0 else None


def _folded(document: Mapping[str, object]) -> dict[str, object]:
    """With its keys in lower case. Those of nearly all answers are the same few."""
    keys = tuple(document)
    lower = _LOWER.get(keys)
    if lower is None:
        lower = tuple(key.casefold() for key in keys)
        if len(_LOWER) < _MOST_LOWER and sum(map(len, keys)) <= _LONGEST_WORD:
            _LOWER[keys] = lower
    return dict(zip(lower, document.values(), strict=True))


def _json(answer: RawAnswer) -> object:
    """None where there is none, or more of it than the bound."""
    body = answer.body
    try:
        # Nearly every answer is an object in UTF-8, for which nobody has to guess.
        if len(body) > BODY_LIMIT:
            return None
        return _decode(body.decode()) if body[:2] == b'{"' else json.loads(body)
    except (ValueError, RecursionError):
        return None


def _document(answer: RawAnswer) -> object:
    """The JSON in the body. An error answer may have any body; a 200 has to have JSON, and no more of it than the bound."""
    document = _json(answer)
    if document is None and answer.code == 200:
        size = len(answer.body)
        raise InvalidResponse("a body over 1 MiB" if size > BODY_LIMIT else f"a body of {size} bytes that is not JSON")
    return document


def _fields(answer: RawAnswer) -> dict[str, object] | None:
    """The answer's object with its keys in lower case; None if it is no object. Raises the CallError of an error answer."""
    document = _document(answer)
    fields = _folded(document) if isinstance(document, dict) else None
    envelope = None if fields is None else _envelope(fields)
    if answer.code == 200 and envelope is None:
        return fields
    raise _error(answer, envelope or "")


def _envelope(fields: Mapping[str, object]) -> str | None:
    """Type and message of an error envelope, which may come with any code, 200 included; None if it is none."""
    kind, text = fields.get("exceptiontype"), fields.get("exceptionmessage")
    if kind is not None or (fields.get("status") == "Error" and "taskstatus" not in fields):
        return f"{kind} {text}"
    if len(fields) == 1 and "message" in fields:
        return str(fields["message"])
    return None


def _error(answer: RawAnswer, envelope: str) -> CallError:
    code = answer.code
    if code == 429 or _RATE.search(envelope):
        return RateLimited(retry_after=_retry_after(answer))
    if code == 401 or _AUTHORITY.search(envelope):
        return Unauthorized()
    if code == 403:
        return Forbidden()
    if code == 404 or (code in (200, 400, 500) and _ABOUT_THE_ID.search(envelope)):
        return NotFound()
    return _unasked(answer)


def _unasked(answer: RawAnswer) -> CallError:
    """An error that is about neither the key, nor the pace, nor a RequestID."""
    code = answer.code
    if 200 <= code < 300 or code >= 500:
        return ServerError()
    return BadRequest() if 400 <= code < 500 else InvalidResponse(f"an answer with HTTP status {code}")


def _retry_after(answer: RawAnswer) -> float | None:
    """Seconds to wait as the answer asks, given as a number or as a date."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        until = parsedate_to_datetime(value)
        asked = parsedate_to_datetime(answer.headers["date"]) if "date" in answer.headers else datetime.now(UTC)
        return max(0.0, (until - asked).total_seconds())
    except (ValueError, TypeError):
        return None
