"""Logging: a line an event, with fields, as logfmt or JSON.

Nothing secret gets out here: fields with the names of secrets are not shown, URLs lose their query and their password,
and a traceback needs the debug level. A warning that repeats itself is shown once in REPEAT_SECONDS, and what was held back
by then is told, with its count, by `tell_held_back`.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
FORMATS: Final = ("logfmt", "json")
REPEAT_SECONDS: Final = 60.0
# Of one kind so many problems are told apart in that time: a file of a million bad lines must not write a million lines.
MOST_PROBLEMS: Final = 100
# So many accounts or sources with the same trouble are told one by one; more of them are one trouble, told with a count.
MOST_WITH_THE_SAME: Final = 10

REFUSED: Final = "<refused>"
# `x_api_key`, `request_body` and the like are refused by their last words.
_SECRET = re.compile(r"(^|_)(api_?key|authorization|body|cookie|headers?|password|query|query_string|secret|token)$")
_WORD = re.compile(r"[^\s\"']+")
_BARE = re.compile(r"[^\s\"=]+")
# Room for the places of all mistakes of a report.
_LONGEST = 4000
_NAMES = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warn", logging.ERROR: "error"}
_NOISY = ("aiohttp", "asyncio", "py.warnings")
# The fields that tell apart who has a trouble; `kind` tells which one it is, and each `problem` is a trouble of its own. The rest
# varies within one.
_WHO = ("account", "api", "source", "file")
_OTHERS = object()
_MOST_KINDS = 4096
_PACKAGE = Path(__file__).parent

_Plain = str | int | float | bool | None


class Logger:
    """Events of one module. Fields are keyword arguments; their values are shown by `str`, numbers as numbers."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    @property
    def debugging(self) -> bool:
        """Whether debug events are logged: what is only put together for them costs nothing otherwise."""
        return self._logger.isEnabledFor(logging.DEBUG)

    def debug(self, message: str, **fields: object) -> None:
        self._logger.debug(message, extra={"fields": fields}, stacklevel=2)

    def info(self, message: str, **fields: object) -> None:
        self._logger.info(message, extra={"fields": fields}, stacklevel=2)

    def warning(self, message: str, **fields: object) -> None:
        self._logger.warning(message, extra={"fields": fields}, stacklevel=2)

    def error(self, message: str, **fields: object) -> None:
        self._logger.error(message, extra={"fields": fields}, stacklevel=2)


def get_logger(name: str) -> Logger:
    return Logger(name)


def configure(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Send everything that is logged to `stream` (standard error). `level` is one of LEVELS, `form` one of FORMATS.

    Can be called again; the last call counts.
    """
    threshold = LEVELS[level]
    handler = logging.StreamHandler(stream or sys.stderr)
    tracebacks = threshold <= logging.DEBUG
    handler.setFormatter(Json(tracebacks=tracebacks) if form == "json" else Logfmt(tracebacks=tracebacks))
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(True)
    # A full disk or a closed pipe behind standard error would otherwise print a traceback for each line.
    logging.raiseExceptions = False


def tell_held_back(*, at_once: bool = False) -> None:
    """Log the last of each trouble that was held back for long enough, or `at_once`, with the count of those before it.

    Without it, what is told once only and right behind another one of its kind would be told never.
    """
    for handler in logging.getLogger().handlers:
        for repeats in handler.filters:
            if isinstance(repeats, Repeats):
                for record in repeats.due(at_once=at_once):
                    handler.handle(record)


@dataclass(slots=True)
class _Shown:
    """When a trouble was last shown; how often it was held back since then, and the last time of those."""

    at: float
    held_back: int = 0
    latest: logging.LogRecord | None = None


@dataclass(slots=True)
class _Spread:
    """Who had the trouble of one message since `since`, as far as they are counted; `is_wide` while they are too many."""

    since: float
    who: set[tuple[str, ...]]
    is_wide: bool = False


class Repeats(logging.Filter):
    """Lets a warning or error through once in `seconds` and counts those held back in between.

    Fields that name the trouble (account, source, problem …) make it another one; a differing error text does not. After
    `most` problems of one kind the further ones count as one trouble, and so does what more than MOST_WITH_THE_SAME have at once:
    when the network is away, hundreds of accounts would say the same.
    """

    def __init__(
        self,
        *,
        seconds: float = REPEAT_SECONDS,
        most: int = MOST_PROBLEMS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._shown: dict[tuple[object, ...], _Shown] = {}
        self._problems: dict[tuple[object, ...], tuple[float, int]] = {}
        self._spreads: dict[tuple[object, ...], _Spread] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or hasattr(record, "late"):
            return True
        now = self._clock()
        trouble = self._trouble(record, now)
        shown = self._shown.get(trouble)
        if shown is not None and now - shown.at < self._seconds:
            shown.held_back, shown.latest = shown.held_back + 1, record
            return False
        if shown is not None and shown.held_back:
            record.suppressed = shown.held_back
        self._forget(now)
        self._shown[trouble] = _Shown(now)
        return True

    def due(self, *, at_once: bool = False) -> Iterator[logging.LogRecord]:
        """What has been held back for `seconds`, or `at_once` all of it. It passes this filter, and is held back no more."""
        now = self._clock()
        for shown in list(self._shown.values()):
            record = shown.latest
            if record is None or (now - shown.at < self._seconds and not at_once):
                continue
            record.late = True
            if shown.held_back > 1:
                record.suppressed = shown.held_back - 1
            shown.at, shown.held_back, shown.latest = now, 0, None
            yield record

    def _trouble(self, record: logging.LogRecord, now: float) -> tuple[object, ...]:
        fields = _fields(record)
        message = (record.name, record.levelno, record.msg, str(fields.get("kind")))
        who = tuple(str(fields.get(name)) for name in _WHO)
        if self._is_wide(message, who, now):
            return (*message, _OTHERS)
        kind = (*message, *who)
        trouble = (*kind, str(fields.get("problem")))
        shown = self._shown.get(trouble)
        if "problem" not in fields or (shown is not None and now - shown.at < self._seconds):
            return trouble
        since, count = self._problems.get(kind, (now, 0))
        if now - since >= self._seconds:
            since, count = now, 0
        self._problems[kind] = (since, count + 1)
        return trouble if count < self._most else (*kind, _OTHERS)

    def _is_wide(self, message: tuple[object, ...], who: tuple[str, ...], now: float) -> bool:
        spread = self._spreads.get(message)
        if spread is None or now - spread.since >= 2 * self._seconds:
            spread = self._spreads[message] = _Spread(now, set())
        elif now - spread.since >= self._seconds:
            # What was wide goes on as such, so that a long outage is not told one by one every minute.
            spread.is_wide = len(spread.who) > MOST_WITH_THE_SAME
            spread.since, spread.who = now, set()
        if len(spread.who) <= MOST_WITH_THE_SAME:
            spread.who.add(who)
        spread.is_wide = spread.is_wide or len(spread.who) > MOST_WITH_THE_SAME
        return spread.is_wide

    def _forget(self, now: float) -> None:
        if len(self._shown) >= _MOST_KINDS:
            kept = self._shown.items()
            self._shown = {key: one for key, one in kept if one.latest is not None or now - one.at < self._seconds}
        if len(self._shown) >= _MOST_KINDS:
            self._shown.clear()
        for counted in (self._problems, self._spreads):
            if len(counted) >= _MOST_KINDS:
                counted.clear()


class _Formatter(logging.Formatter):
    def __init__(self, *, tracebacks: bool = False) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def _pairs(self, record: logging.LogRecord) -> Iterator[tuple[str, _Plain]]:
        moment = datetime.fromtimestamp(record.created, UTC)
        yield "ts", f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
        yield "level", _NAMES.get(record.levelno, record.levelname.lower())
        yield "caller", _caller(record)
        yield "msg", _clean(record.getMessage())
        for name, value in _fields(record).items():
            yield name, REFUSED if _SECRET.search(name.lower()) else _plain(value)
        yield from self._exception(record)
        if hasattr(record, "suppressed"):
            yield "suppressed", record.suppressed

    def _exception(self, record: logging.LogRecord) -> Iterator[tuple[str, _Plain]]:
        if not record.exc_info or record.exc_info[1] is None:
            return
        error = record.exc_info[1]
        yield "exception", _clean(f"{type(error).__name__}: {error}")
        if self._tracebacks:
            yield "traceback", _clean(self.formatException(record.exc_info))


class Logfmt(_Formatter):
    """`ts=2026-01-31T12:00:00.000Z level=info caller=poller.py:153 msg="call failed" account=acme`"""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{_key(name)}={_value(value)}" for name, value in self._pairs(record))


class Json(_Formatter):
    """The same keys as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        pairs: dict[str, _Plain] = {}
        for name, value in self._pairs(record):
            pairs.setdefault(name, value)
        return json.dumps(pairs, separators=(",", ":"))


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def _caller(record: logging.LogRecord) -> str:
    """Where in the package; of other packages only their name, because a path tells about the machine."""
    path = Path(record.pathname)
    where = path.relative_to(_PACKAGE).as_posix() if path.is_relative_to(_PACKAGE) else record.name
    return f"{where}:{record.lineno}"


def _plain(value: object) -> _Plain:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean(str(value))


def _clean(text: str) -> str:
    if "://" in text or "?" in text:
        text = _WORD.sub(lambda word: _without_secrets(word[0]), text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _without_secrets(word: str) -> str:
    """A URL or path without what it can hide: the user and password before its host, and its query."""
    address, _, query = word.partition("?")
    before, scheme, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    address = f"{before}{scheme}{host.rpartition('@')[2]}{slash}{path}"
    return f"{address}?…" if query and "/" in address else f"{address}{word[len(before + scheme + rest) :]}"


def _key(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)


def _value(value: _Plain) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if value.isprintable():
        return value if _BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    # A line break or an escape sequence could forge a line, or steer a terminal.
    return json.dumps(value)
