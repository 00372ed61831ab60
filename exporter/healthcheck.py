"""`leadsquared-exporter healthcheck`: for containers whose image has no other HTTP client."""

import argparse
import ssl
import sys
from typing import Final

from exporter.flags import Flag, Parser
from exporter.prefix import PREFIX_FLAGS, routed
from exporter.running import URL, RunningExporter, Unreachable, check_url

FLAGS: Final = (
    Flag(name="url", metavar="URL", default=URL, check=check_url, help="where the exporter listens"),
    *PREFIX_FLAGS,
    Flag(name="ready", help="ask whether it is ready, not whether it is healthy"),
)
_SECONDS = 5.0


def add_arguments(parser: Parser) -> None:
    parser.declare(FLAGS)


def run(arguments: argparse.Namespace) -> int:
    """0 where the answer is 200, else 1 with the reason."""
    exporter = RunningExporter(url=routed(arguments), context=_unverified(), timeout=_SECONDS)
    try:
        answer = exporter.get("/-/ready" if arguments.ready else "/-/healthy")
    except Unreachable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if answer.status != 200:
        sys.stderr.write(f"{answer.trouble()}\n")
        return 1
    sys.stdout.write("ready\n" if arguments.ready else "healthy\n")
    return 0


def _unverified() -> ssl.SSLContext:
    """Nothing secret is sent, and hardly any certificate is made out to the loopback address."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
