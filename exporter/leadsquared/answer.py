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
_MOST_SPELLINGS = 64
_MOST_REPORTS = 256
_decode = json.JSONDecoder().raw_decode
_BLANKS = " \t\r\n"
_NOT_LETTERS = re.compile(r"[^a-z]+")
_TASK_TYPES = {endpoint.task_type.casefold(): endpoint.name for endpoint in ENDPOINTS}
# Looked for before anything is parsed: most answers to other calls have neither.
_NAMED = re.compile(rb"requestid|taskstatus", re.IGNORECASE)
_RATE = re.compile(r"rate\s*limit|exceeded the limit|limit exceeded|too many requests", re.IGNORECASE)
_AUTHORITY = re.compile(r"un-?authori[sz]ed|AuthenticationFailed|InvalidAccessDetails", re.IGNORECASE)
_ABOUT_THE_ID = re.compile(r"request[\s_]*id|not\s*found|does\s*n[o']t\s*exist|no such|unknown request", re.IGNORECASE)


class _Spelling:
    """How an object spells what is read of it, None for what it has not. `enveloped`: an error may be in it."""

    __slots__ = ("current_step", "enveloped", "last_step", "lower", "reason", "request_id", "status", "task_status")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.lower = tuple(key.casefold() for key in keys)
        # The last one counts, as it does where one spelling comes twice.
        spelled = dict(zip(self.lower, keys, strict=True))
        self.request_id = spelled.get("requestid")
        self.task_status = spelled.get("taskstatus")
        self.status = spelled.get("status")
        self.current_step = spelled.get("taskcurrentstep")
        self.last_step = spelled.get("tasklaststep")
        self.reason = spelled.get("statusreason")
        alone = len(spelled) == 1 and "message" in spelled
        self.enveloped = "exceptiontype" in spelled or alone or (self.status is not None and self.task_status is None)


# Those of nearly all answers are the same few.
_SPELLINGS: dict[tuple[str, ...], _Spelling] = {}
# What shows no failure, by the words as they came.
_REPORTS: dict[tuple[object, object, object], Report] = {}


def read_status(answer: RawAnswer, request_id: str) -> Report:
    """What a status answer says about `request_id`. Raises the CallError that fits when it says nothing."""
    document = _sound(answer)
    if document is None:
        raise InvalidResponse("a status answer that is not a JSON object")
    keys = _spelling(document)
    answered_id = request_id if keys.request_id is None else document[keys.request_id]
    if answered_id != request_id and not _same(answered_id, request_id):
        raise InvalidResponse("a status answer about another RequestID")
    if keys.task_status is None:
        raise InvalidResponse("a status answer without TaskStatus")
    task = document[keys.task_status]
    if task is None:
        raise NotFound
    if not isinstance(task, dict):
        raise InvalidResponse("a TaskStatus that is not an object")
    return _report(task)


def _same(answered_id: object, request_id: str) -> bool:
    return isinstance(answered_id, str) and answered_id.casefold() == request_id.casefold()


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
    document = _sound(answer)
    if document is None:
        raise InvalidResponse("a queue metrics answer that is not a JSON object")
    fields = _folded(document)
    rate = _number(fields.get("processingrateperminute"))
    figures = QueueFigures(
        pending=_number(fields.get("pendingmessages")),
        max_delay=_number(fields.get("maxdelayinseconds")),
        per_second=None if rate is None else rate / 60,
    )
    if figures.pending is None and figures.max_delay is None and figures.per_second is None:
        raise InvalidResponse("a queue metrics answer without figures")
    return figures


def _report(task: dict[str, object]) -> Report:
    keys = _spelling(task)
    words = (_value(task, keys.status), _value(task, keys.current_step), _value(task, keys.last_step))
    try:
        known = _REPORTS.get(words)
    except TypeError:
        # A list or an object in the place of a word.
        known = None
    if known is not None:
        return known
    status, current_step, last_step = _status(words[0]), _step(words[1]), _step(words[2])
    if status in (Status.FAILURE, Status.ERROR):
        return Report(status, current_step, last_step, reduce(_value(task, keys.reason)))
    report = Report(status, current_step, last_step)
    if len(_REPORTS) < _MOST_REPORTS and all(map(_is_word, words)):
        _REPORTS[words] = report
    return report


def _value(document: dict[str, object], key: str | None) -> object:
    return None if key is None else document[key]


def _is_word(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= _LONGEST_WORD)


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


def _spelling(document: dict[str, object]) -> _Spelling:
    keys = tuple(document)
    known = _SPELLINGS.get(keys)
    if known is None:
        known = _Spelling(keys)
        if len(_SPELLINGS) < _MOST_SPELLINGS and sum(map(len, keys)) <= _LONGEST_WORD:
            _SPELLINGS[keys] = known
    return known


def _folded(document: dict[str, object]) -> dict[str, object]:
    """With its keys in lower case."""
    return dict(zip(_spelling(document).lower, document.values(), strict=True))


def _json(answer: RawAnswer) -> object:
    """None where there is none, or more of it than the bound."""
    body = answer.body
    try:
        # Nearly every answer is an object in UTF-8, for which nobody has to guess.
        if len(body) > BODY_LIMIT:
            return None
        if body[:2] != b'{"':
            return json.loads(body)
        text = body.decode()
        document, end = _decode(text)
        return document if end == len(text) or not text[end:].strip(_BLANKS) else None
    except (ValueError, RecursionError):
        return None


def _document(answer: RawAnswer) -> object:
    """The JSON in the body. An error answer may have any body; a 200 has to have JSON, and no more of it than the bound."""
    document = _json(answer)
    if document is None and answer.code == 200:
        size = len(answer.body)
        raise InvalidResponse("a body over 1 MiB" if size > BODY_LIMIT else f"a body of {size} bytes that is not JSON")
    return document


def _sound(answer: RawAnswer) -> dict[str, object] | None:
    """The answer's object; None if it is no object. Raises the CallError of an error answer."""
    document = _document(answer)
    if not isinstance(document, dict):
        if answer.code == 200:
            return None
        raise _error(answer, "")
    if answer.code == 200 and not _spelling(document).enveloped:
        return document
    envelope = _envelope(_folded(document))
    if answer.code == 200 and envelope is None:
        return document
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
    except (ValueError, TypeError, OverflowError):
        # A zone that is larger than any calendar is an overflow, and would end the account's polling.
        return None
