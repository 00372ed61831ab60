"""`leadsquared-exporter add`: hands RequestIDs to a running exporter, from arguments or standard input."""

import argparse
import ssl
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, Final

from exporter.config.secret import FileSecret
from exporter.errors import ExporterError
from exporter.flags import Flag, Parser, UsageError
from exporter.prefix import PREFIX_FLAGS, routed
from exporter.running import URL, Answer, RunningExporter, check_url
from exporter.sources import moment

FLAGS: Final = (
    Flag(name="account", metavar="NAME", help="the account they belong to; not needed where only one is configured"),
    Flag(name="api", metavar="NAME", help="the API that they were submitted to, such as lead_update"),
    Flag(
        name="reference",
        metavar="TEXT",
        help="what the application knows the one RequestID by, such as an order number",
    ),
    Flag(name="url", metavar="URL", default=URL, check=check_url, help="where the exporter listens"),
    *PREFIX_FLAGS,
    Flag(name="token-file", metavar="FILE", help="a file with the token of the push source"),
    Flag(name="user", metavar="NAME", help="the user, where the exporter asks for a password"),
    Flag(name="password-file", metavar="FILE", help="a file with the password of the user"),
    Flag(name="ca-file", metavar="FILE", help="the authority that signed the exporter's certificate"),
)
BATCH: Final = 1000
TRIES: Final = 6
LONGEST_PAUSE: Final = 30.0
_FIRST_PAUSE = 1.0
_BUSY = (429, 503)


class Refused(ExporterError):
    """The exporter did not take a batch."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "request_ids",
        nargs="*",
        metavar="ID",
        help="RequestIDs; without any they are read from standard input, one a line, with the RFC 3339 time of their "
        "submission after a blank where it is known",
    )
    parser.declare(FLAGS)


def run(arguments: argparse.Namespace, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Prints how many were accepted and how many were known. Raises ExporterError."""
    exporter = _exporter(arguments)
    target = {name: value for name in ("account", "api") if (value := getattr(arguments, name))}
    accepted = known = 0
    for batch in _batches(_given(arguments)):
        try:
            counts = _hand_over(exporter, [{"request_ids": batch, **target}], sleep=sleep)
        except ExporterError as error:
            raise Refused(f"{error}{_before(accepted, known)}") from error
        accepted, known = accepted + counts[0], known + counts[1]
    sys.stdout.write(f"accepted {accepted}, known {known}\n")
    return 0


def _before(accepted: int, known: int) -> str:
    """A batch is taken or refused as a whole, those before it stay taken."""
    count = accepted + known
    return (
        f"\nbefore that: accepted {accepted}, known {known}; nothing from number {count + 1} on was taken"
        if count
        else ""
    )


def _exporter(arguments: argparse.Namespace) -> RunningExporter:
    context = _context(arguments.ca_file) if arguments.ca_file else None
    return RunningExporter(url=routed(arguments), authorization=_authorization(arguments), context=context)


def _authorization(arguments: argparse.Namespace) -> str | None:
    """Raises ConfigurationError where a file can't be used."""
    if bool(arguments.user) != bool(arguments.password_file):
        raise UsageError("--user and --password-file go together")
    if arguments.token_file and arguments.user:
        raise UsageError("--token-file is enough; leave out --user")
    if arguments.token_file:
        return f"Bearer {FileSecret(Path(arguments.token_file)).reveal()}"
    if arguments.user:
        password = FileSecret(Path(arguments.password_file)).reveal()
        return f"Basic {b64encode(f'{arguments.user}:{password}'.encode()).decode()}"
    return None


def _context(path: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        reason = error.strerror if not isinstance(error, ssl.SSLError) and error.strerror else "no certificate in it"
        raise ExporterError(f"--ca-file: {path}: {reason}") from error


def _lines() -> Iterable[str]:
    if sys.stdin.isatty():
        sys.stderr.write("Reading RequestIDs, one a line; Ctrl-D ends.\n")
    if isinstance(sys.stdin, TextIOWrapper):
        # What is no UTF-8 is refused by the exporter like any other wrong RequestID.
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
    return sys.stdin


def _given(arguments: argparse.Namespace) -> Iterator[str | dict[str, str]]:
    if not arguments.reference:
        return _entries(arguments.request_ids or _lines())
    if len(arguments.request_ids) != 1:
        raise UsageError("--reference goes with one RequestID; hand in others by POST /api/v1/requests")
    (request_id,) = arguments.request_ids
    entry = next(_entries([request_id]), request_id)
    return iter([{**(entry if isinstance(entry, dict) else {"request_id": entry}), "reference": arguments.reference}])


def _entries(lines: Iterable[str]) -> Iterator[str | dict[str, str]]:
    for line in lines:
        request_id, submitted = moment.parted(line)
        if request_id:
            yield {"request_id": request_id, "submitted_at": submitted} if submitted else request_id


def _batches(entries: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(entries)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _hand_over(exporter: RunningExporter, groups: object, *, sleep: Callable[[float], None]) -> tuple[int, int]:
    """Tries again while the exporter is busy. Doing so is harmless: a RequestID is not taken twice."""
    pause = _FIRST_PAUSE
    for left in reversed(range(TRIES)):
        answer = exporter.post("/api/v1/requests", groups)
        if answer.status not in _BUSY or not left:
            break
        sleep(min(pause if answer.retry_after is None else answer.retry_after, LONGEST_PAUSE))
        pause *= 2
    return _counts(answer)


def _counts(answer: Answer) -> tuple[int, int]:
    if answer.status != 202:
        raise Refused("\n".join([f"refused: {answer.trouble()}", *(f"  {detail}" for detail in answer.details())]))
    content = answer.content()
    try:
        return int(content["accepted"]), int(content["known"])
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("the answer is not one of leadsquared-exporter; check --url") from error
