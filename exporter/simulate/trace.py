"""A workload as it truly went: one request a line, in the order of submission. Times are seconds, from any origin."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

from exporter.core.request import Status
from exporter.errors import TraceUnusable

STATUSES: Final = (Status.SUCCESS, Status.FAILURE, Status.ERROR)
_MOST_PROBLEMS: Final = 20
_NUMBER, _NUMBER_OR_NULL = "must be a number of seconds", "must be a number of seconds, or null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The truth about one request.

    started    when the remote side first worked on it; None where unknown
    finished   None where it never did
    retries    waits [from, to) after a system error, in which it shows ERROR
    known_at   when the exporter learned its RequestID
    ordered    whether the exporter knows its position in the order of submission
    dated      whether the exporter knows when it was submitted
    """

    submitted: float
    started: float | None = None
    finished: float | None
    status: Status = Status.SUCCESS
    retries: tuple[tuple[float, float], ...] = ()
    known_at: float
    ordered: bool = True
    dated: bool = True

    @property
    def origin(self) -> float:
        """Where its age starts for the exporter."""
        return self.submitted if self.dated else self.known_at

    def waiting_at(self, time: float) -> bool:
        """Whether it waits for a retry then."""
        return any(start <= time < end for start, end in self.retries)

    def line(self) -> str:
        """The request as a line of a trace; what is as usual is left out."""
        fields: dict[str, Any] = {"submitted": self.submitted, "started": self.started, "finished": self.finished}
        fields["status"] = None if self.finished is None else self.status
        fields |= {"retries": self.retries} if self.retries else {}
        fields |= {"known_at": self.known_at} if self.known_at != self.submitted else {}
        fields |= {} if self.ordered else {"order": None}
        fields |= {} if self.dated else {"dated": False}
        return json.dumps(fields)


Trace = tuple[Request, ...]


def load(path: str) -> Trace:
    """Reads a file, or standard input for "-". TraceUnusable names every mistake by its line."""
    name = "standard input" if path == "-" else path
    try:
        if path == "-":
            return parse(sys.stdin, name)
        with Path(path).open(encoding="utf-8") as lines:
            return parse(lines, name)
    except OSError as error:
        raise TraceUnusable([f"{name}: can't be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise TraceUnusable([f"{name}: is not UTF-8"]) from error


def parse(lines: Iterable[str], name: str) -> Trace:
    """Blank lines are passed over. TraceUnusable names every mistake by its line, after `name`."""
    requests: list[Request] = []
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found = [f"{name}:{number}: {problem}" for problem in _take(line, requests)]
            problems.extend(found)
    if not requests and not problems:
        problems.append(f"{name}: holds no request")
    if problems:
        raise TraceUnusable(_first(problems))
    return tuple(requests)


def _first(problems: list[str]) -> list[str]:
    more = len(problems) - _MOST_PROBLEMS
    return problems if more <= 0 else [*problems[:_MOST_PROBLEMS], f"and {more} more"]


def _take(line: str, requests: list[Request]) -> list[str]:
    """The request of a line is appended, or its mistakes are returned."""
    try:
        fields = json.loads(line)
    except ValueError as error:
        return [f"is not JSON: {error}"]
    if not isinstance(fields, dict):
        return ['must be an object such as {"submitted": 0.0, "finished": 5.0}']
    mistakes = list(_mistakes(fields))
    if not mistakes:
        requests.append(_request(fields))
    return mistakes


def _mistakes(fields: Mapping[str, Any]) -> Iterator[str]:
    wrong = list(_wrong_types(fields))
    yield from wrong
    if not wrong:
        yield from _contradictions(fields)


def _wrong_types(fields: Mapping[str, Any]) -> Iterator[str]:
    for key, required, allowed in (
        ("submitted", True, _NUMBER),
        ("started", False, _NUMBER_OR_NULL),
        ("finished", True, _NUMBER_OR_NULL),
        ("known_at", False, _NUMBER_OR_NULL),
    ):
        if key not in fields:
            if required:
                yield f"{key}: is missing, {allowed}"
        elif not (_is_number(fields[key]) or (fields[key] is None and allowed is _NUMBER_OR_NULL)):
            yield _got(key, allowed, fields[key])
    if fields.get("status") is not None and fields.get("finished") is not None and fields["status"] not in STATUSES:
        yield _got("status", f"must be one of {', '.join(STATUSES)}", fields["status"])
    if fields.get("order") is not None and not _is_integer(fields["order"]):
        yield _got("order", "must be null where it is unknown, or left out", fields["order"])
    if not isinstance(fields.get("dated", True), bool):
        yield _got("dated", "must be true or false", fields["dated"])
    yield from _wrong_retries(fields.get("retries"))


def _wrong_retries(retries: object) -> Iterator[str]:
    if retries is None:
        return
    if not isinstance(retries, list):
        yield _got("retries", "must be a list of waits [from, to]", retries)
        return
    last = float("-inf")
    for place, wait in enumerate(retries):
        if not (isinstance(wait, list) and len(wait) == 2 and all(map(_is_number, wait))):
            yield _got(f"retries[{place}]", "must be a wait [from, to] in seconds", wait)
            return
        if not last <= wait[0] <= wait[1]:
            yield _got(f"retries[{place}]", "must not end before it begins, nor begin before the one before ends", wait)
            return
        last = wait[1]


def _contradictions(fields: Mapping[str, Any]) -> Iterator[str]:
    submitted, finished = fields["submitted"], fields["finished"]
    for key in ("started", "finished", "known_at"):
        if fields.get(key) is not None and fields[key] < submitted:
            yield f"{key}: must not be before submitted {submitted}, got {fields[key]}"
    if finished is not None:
        if fields.get("started") is not None and fields["started"] > finished:
            yield f"started: must not be after finished {finished}, got {fields['started']}"
        retries = fields.get("retries")
        if retries and retries[-1][1] > finished:
            yield f"retries[{len(retries) - 1}]: must not end after finished {finished}, got {json.dumps(retries[-1])}"


def _request(fields: Mapping[str, Any]) -> Request:
    known_at = fields.get("known_at")
    return Request(
        submitted=float(fields["submitted"]),
        started=_time(fields.get("started")),
        finished=_time(fields["finished"]),
        status=Status.SUCCESS if fields["finished"] is None else Status(fields.get("status") or Status.SUCCESS),
        retries=tuple((float(start), float(end)) for start, end in fields.get("retries") or ()),
        known_at=float(fields["submitted"] if known_at is None else known_at),
        ordered=fields.get("order", 0) is not None,
        dated=fields.get("dated", True),
    )


def _time(value: float | None) -> float | None:
    return None if value is None else float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _got(key: str, requirement: str, value: object) -> str:
    text = json.dumps(value)
    return f"{key}: {requirement}, got {text if len(text) <= 60 else text[:57] + '...'}"
