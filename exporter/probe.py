"""`leadsquared-exporter probe`: which status and metrics paths an account has, asked of LeadSquared itself."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlencode

from exporter.config.duration import format_duration
from exporter.config.load import load
from exporter.config.settings import Account
from exporter.core.request import REQUEST_ID
from exporter.errors import CallError, CallTimeout, ConnectionFailed, ExporterError, RateLimited, Unauthorized
from exporter.flags import Flag, Parser, UsageError
from exporter.http.place import place
from exporter.leadsquared.client import USER_AGENT
from exporter.leadsquared.network import NetworkTransport
from exporter.leadsquared.probing import Finding, Question, configuration, judge, questions, unanswered
from exporter.leadsquared.transport import Transport

Sleep = Callable[[float], Awaitable[None]]
Tell = Callable[[str], object]


def _request_id(text: str) -> str | None:
    return None if REQUEST_ID.fullmatch(text) else "must be 1 to 128 characters of A-Z a-z 0-9 . _ -"


FLAGS: Final = (
    Flag(name="config.file", metavar="FILE", default="config.yaml", help="the configuration that has the account"),
    Flag(name="account", metavar="NAME", help="the account; not needed where only one is configured"),
    Flag(
        name="request-id",
        metavar="ID",
        repeatable=True,
        check=_request_id,
        help="a RequestID of the account, best a young one; without any its status paths can't be told for sure",
    ),
)
_INTRODUCTION = """\
{count} calls to {url}, one after the other and never more than {allowed} in {period}, as the
account's rate_limit has it. A running exporter does not know of them: together they may exceed it.

"""


class Stopped(ExporterError):
    """What came makes further calls useless."""


def add_arguments(parser: Parser) -> None:
    parser.declare(FLAGS)


def run(arguments: argparse.Namespace, *, sleep: Sleep = asyncio.sleep) -> int:
    """Prints what each path answered, and the configuration of those that work; 1 where none does. Raises ExporterError."""
    settings = load(arguments.config_file, environment=os.environ)
    account = _account(settings.accounts, arguments.account)
    asked = questions(account, arguments.request_id)
    if account.rate_limit.allowed_daily is not None:
        asked = asked[: account.rate_limit.allowed_daily]
    return asyncio.run(_probe(account, asked, timeout=settings.polling.timeout, sleep=sleep))


def _account(accounts: Sequence[Account], name: str | None) -> Account:
    """Raises UsageError."""
    names = ", ".join(account.name for account in accounts)
    if name is None and len(accounts) > 1:
        raise UsageError(f"--account is needed: one of {names}")
    found = next((account for account in accounts if name in (None, account.name)), None)
    if found is None:
        raise UsageError(f"--account must be one of {names}, got {name}")
    return found


async def _probe(account: Account, asked: Sequence[Question], *, timeout: float, sleep: Sleep) -> int:
    transport = NetworkTransport()
    try:
        return await report(account, asked, transport=transport, timeout=timeout, sleep=sleep, tell=sys.stdout.write)
    finally:
        await transport.close()


async def report(
    account: Account, asked: Sequence[Question], *, transport: Transport, timeout: float, sleep: Sleep, tell: Tell
) -> int:
    """The exit status. Raises Stopped, and ConfigurationError where the key can't be had."""
    limit = account.rate_limit
    tell(
        _INTRODUCTION.format(
            count=len(asked), url=account.base_url, allowed=limit.allowed, period=format_duration(limit.period)
        )
    )
    found: list[Finding] = []
    try:
        for question in asked:
            if found:
                # Counted from an answer on, so that no window at LeadSquared's door holds more, however long a call takes.
                await sleep(limit.period / limit.allowed)
            found.append(await _ask(account, question, transport, timeout))
            tell(f"{question.kind:<8} {question.path:<42} {found[-1].text}\n")
    finally:
        # What was found before a stop is worth its calls too.
        lines = configuration(account.name, found)
        tell("\nWhat works, as configuration:\n\n" if lines else "\nNo path is known to work.\n")
        tell("".join(f"{line}\n" for line in lines))
    return 0 if lines else 1


async def _ask(account: Account, question: Question, transport: Transport, timeout: float) -> Finding:
    """Raises Stopped."""
    headers = {"x-api-key": account.api_key.reveal(), "Accept": "application/json", "User-Agent": USER_AGENT}
    try:
        where = place(account.base_url, account.proxy, account.tls)
        target = f"{question.path}?{urlencode(question.params)}" if question.params else question.path
        answer = await transport.get(where, target, headers=headers, timeout=timeout)
        return judge(question, answer)
    except (RateLimited, Unauthorized, ConnectionFailed) as error:
        raise Stopped(f"{question.path}: {error}") from error
    except CallTimeout as error:
        return unanswered(question, str(error))
    except CallError as error:
        return unanswered(question, error.kind.replace("_", " "))
