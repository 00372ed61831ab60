"""The command line: what there is, as data, and what runs for it.

The exporter itself is a sidecar; what only another command needs is imported when that command runs.
"""

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

from exporter import authorities, log, options, signals, version
from exporter.config import duration
from exporter.errors import ConfigurationError, ExporterError
from exporter.flags import USAGE, Flag, Parser, UsageError
from exporter.options import RunOptions
from exporter.prefix import PREFIX_FLAGS

PROGRAM: Final = "leadsquared-exporter"
SUMMARY: Final = "Watches LeadSquared asynchronous requests and tells Prometheus what became of them."

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]*):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535
_TELEMETRY_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
# The beginnings of what the web answers besides the metrics.
_TAKEN_PATH = re.compile(r"/(-|api|requests|accounts|runbooks)(/.*)?|/style\.css|/icon\.svg")
_INTERRUPTED = 130


def _address(text: str) -> str | None:
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        return "must be HOST:PORT such as :10040, 127.0.0.1:10040 or [::1]:10040"
    return None


def _telemetry_path(text: str) -> str | None:
    if not _TELEMETRY_PATH.fullmatch(text):
        return "must be a path such as /metrics"
    return "must be a path that nothing else is found under, such as /metrics" if _TAKEN_PATH.fullmatch(text) else None


def _interval(text: str) -> str | None:
    try:
        duration.parse(text)
    except ValueError:
        return "must be a duration such as 30s or 1h30m"
    return None


FLAGS: Final = (
    Flag(
        name="config.file",
        metavar="FILE",
        default="config.yaml",
        help="the configuration; SIGHUP and POST /-/reload read it again",
    ),
    Flag(
        name="config.auto-reload-interval",
        metavar="DURATION",
        default="0s",
        check=_interval,
        help="how often to look whether the configuration has changed, and then read it again; 0s: never",
    ),
    Flag(name="config.check", help="check the configuration and everything it names, print every problem, and end"),
    Flag(
        name="web.listen-address",
        metavar="HOST:PORT",
        default=":10040",
        repeatable=True,
        check=_address,
        help="where to listen; without a host on all interfaces, with port 0 on a free one",
    ),
    Flag(
        name="web.config.file",
        metavar="FILE",
        help="TLS, basic authentication and headers, in the format that all exporters of Prometheus share",
    ),
    Flag(
        name="web.telemetry-path",
        metavar="PATH",
        default="/metrics",
        check=_telemetry_path,
        help="where the metrics are found",
    ),
    *PREFIX_FLAGS,
    Flag(name="web.enable-lifecycle", help="allow POST /-/reload and POST /-/quit"),
    Flag(
        name="shutdown.grace-period",
        metavar="DURATION",
        default="25s",
        check=_interval,
        help="how long a stop may take while the store does not write: most of it waits for what gateways are recording",
    ),
    Flag(
        name="event-loop",
        metavar="LOOP",
        default=options.AUTO,
        choices=options.EVENT_LOOPS,
        help="what the process runs on: uvloop, asyncio, or auto, which is uvloop where it is installed",
    ),
    Flag(
        name="log.level",
        metavar="LEVEL",
        default="info",
        choices=tuple(log.LEVELS),
        help="the least that is logged: debug, info, warn or error",
    ),
    Flag(name="log.format", metavar="FORMAT", default="logfmt", choices=log.FORMATS, help="logfmt or json"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: `module` has the functions of CommandModule."""

    name: str
    summary: str
    module: str


class CommandModule(Protocol):
    def add_arguments(self, parser: Parser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int:
        """The exit status."""


COMMANDS: Final = (
    Command("demo", "Run the whole thing without an account: simulator, application and exporter.", "exporter.demo"),
    Command("upstream", "Run only the simulator of LeadSquared's asynchronous APIs.", "exporter.simulator.command"),
    Command(
        "simulate", "Try a policy on a recorded or generated workload, in virtual time.", "exporter.simulate.command"
    ),
    Command("plan", "Tell what a LeadSquared plan and a share of it are enough for.", "exporter.simulate.plan_command"),
    Command("probe", "Ask LeadSquared which status and metrics paths an account has.", "exporter.probe"),
    Command("add", "Hand RequestIDs to a running exporter.", "exporter.add"),
    Command("healthcheck", "Ask a running exporter whether it is healthy; status 0 or 1.", "exporter.healthcheck"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 for a bad configuration or a start-up failure, 2 (by SystemExit) for wrong usage."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        command = next((command for command in COMMANDS if given and command.name == given[0]), None)
        return _exporter(given) if command is None else _subcommand(command, given[1:])
    except ConfigurationError as error:
        sys.stderr.writelines(f"{problem}\n" for problem in error.problems)
    except UsageError as error:
        sys.stderr.write(f"{PROGRAM} {given[0]}: error: {error}, try --help\n")
        return USAGE
    except ExporterError as error:
        sys.stderr.write(f"{PROGRAM}: error: {error}\n")
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


def main_parser() -> Parser:
    lines = "\n".join(f"  {command.name:<13}{command.summary}" for command in COMMANDS)
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [FLAG …] | COMMAND [FLAG …]",
        description=f"{SUMMARY} Without a command the exporter runs until SIGTERM or SIGINT.\n\ncommands:\n{lines}",
        epilog="Every flag can be given by the environment variable in brackets too; the command line wins.",
    )
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=version.describe(), help="print the version, and end")
    parser.declare(FLAGS)
    return parser


def command_parser(command: Command) -> tuple[Parser, CommandModule]:
    module = cast(CommandModule, importlib.import_module(command.module))
    parser = Parser(prog=f"{PROGRAM} {command.name}", description=command.summary)
    module.add_arguments(parser)
    return parser, module


def _subcommand(command: Command, arguments: Sequence[str]) -> int:
    signals.PROCESS.release()
    parser, module = command_parser(command)
    return module.run(parser.read(arguments, os.environ))


def _exporter(arguments: Sequence[str]) -> int:
    parser = main_parser()
    found = parser.read(arguments, os.environ)
    if found.command is not None:
        parser.error(_misplaced(found.command))
    given = _options(found)
    if found.config_check:
        signals.PROCESS.release()
        return _check(given)
    log.configure(level=given.log_level, form=given.log_format)
    # aiohttp would read them for calls of its own, of which there are none without a context: 2 MiB and 25 ms.
    with authorities.unread():
        from exporter.app import run

    return run(given)


def _misplaced(name: str) -> str:
    names = [command.name for command in COMMANDS]
    if name in names:
        return f"the command {name} has to come first, before any flag"
    return f"there is no command {name}; there are {', '.join(names)}"


def _options(found: argparse.Namespace) -> RunOptions:
    return RunOptions(
        config_file=Path(found.config_file),
        auto_reload_interval=duration.parse(found.config_auto_reload_interval),
        listen_addresses=found.web_listen_address,
        web_config_file=Path(found.web_config_file) if found.web_config_file else None,
        telemetry_path=found.web_telemetry_path,
        external_url=found.web_external_url or "",
        route_prefix=found.web_route_prefix or "",
        enable_lifecycle=found.web_enable_lifecycle,
        shutdown_grace_period=duration.parse(found.shutdown_grace_period),
        event_loop=found.event_loop,
        log_level=found.log_level,
        log_format=found.log_format,
    )


def _check(given: RunOptions) -> int:
    """Every problem of every file: who mends one of them wants to know the next one too."""
    problems = [*_configuration_problems(given.config_file), *_web_problems(given.web_config_file)]
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def _configuration_problems(path: Path) -> list[str]:
    from exporter.config import allowance
    from exporter.config.load import load

    try:
        settings = load(path, environment=os.environ)
    except ConfigurationError as error:
        return error.problems
    sys.stderr.writelines(f"warning: {warning}\n" for warning in settings.warnings)
    sys.stdout.write(f"{path} is valid\n")
    sys.stdout.writelines(f"{line}\n" for line in allowance.told(settings.accounts))
    return []


def _web_problems(path: Path | None) -> list[str]:
    if path is None:
        return []
    from exporter.web.security import Security

    try:
        Security(path)
    except ConfigurationError as error:
        return error.problems
    sys.stdout.write(f"{path} is valid\n")
    return []
