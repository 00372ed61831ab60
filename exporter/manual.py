"""Writes docs/command-line.md from the declared flags: `python -m exporter.manual > docs/command-line.md`."""

import argparse
import sys
from collections.abc import Iterable, Sequence

from exporter.cli import COMMANDS, FLAGS, SUMMARY, Command, command_parser
from exporter.flags import Flag

_INTRODUCTION = f"""\
# Command line

<!-- Made by `python -m exporter.manual > docs/command-line.md`. Change exporter/cli.py and the commands instead. -->

{SUMMARY} Without a command, `leadsquared-exporter` runs the exporter until SIGTERM or SIGINT; it then commits and ends,
as a rule within a second: calls under way get a few seconds, and while the database does not write, gateways wait for it for
most of `--shutdown.grace-period`. SIGHUP reads the configuration again. `python -m exporter` is the same program.

    leadsquared-exporter --config.file=config.yaml
    leadsquared-exporter --config.file=config.yaml --config.check

"""

_AFTER_FLAGS = """
- Values follow after `=` or a blank. Flags without a value are on or off: `--web.enable-lifecycle`, `--no-web.enable-lifecycle`.
- The command line wins over the environment. In the variable of a flag that can be given again, commas part the values;
  on/off is `true` or `false`; an empty variable is none.
- `--help` prints the flags, `--version` the version with its revision.

| exit status | when |
|---|---|
| 0 | it ran and was stopped, or what was asked is fine |
| 1 | bad configuration or a start-up failure, told in one line a problem on standard error; what was asked is not so |
| 2 | wrong usage, told in one line on standard error |
| 130 | Ctrl-C before it ran |

## Log

Standard error gets a line an event, in logfmt or as a JSON object with the same keys: `ts` (UTC), `level`, `caller`, `msg`, and
the fields of the event, such as `account` or `source`.

    ts=2026-01-31T12:00:00.000Z level=warn caller=engine/poller.py:153 msg="call failed" account=acme kind=timeout

A warning or error that repeats itself is shown once a minute, and of one kind no more than 101 that differ. What more than ten
accounts or sources have at once is one line a minute for all of them. The last of those held back is shown when the time is up;
`suppressed` counts the others. No RequestBody, key, password or query string is logged, at any level.

`--log.level=debug` adds every poll with its reason and its answer, what was decided of a request and why, what an account waits
for, and tracebacks. `msg` is then one of `polls`, `poll answered`, `call brought nothing`, `request went on`, `request not found`,
`request finished`, `request abandoned` (with its `cause`), `rests`, and `asks for queue metrics`.
"""


def manual() -> str:
    return "".join((_INTRODUCTION, _flag_table(FLAGS), _AFTER_FLAGS, *map(_chapter, COMMANDS)))


def _chapter(command: Command) -> str:
    parser, _ = command_parser(command)
    declared = {flag.key: flag for flag in parser.flags}
    others = [action for action in parser.actions if action.dest not in declared and action.dest != "help"]
    positional = [action for action in others if not action.option_strings]
    usage = " ".join(["leadsquared-exporter", command.name, "[FLAG …]", *(f"[{one.metavar} …]" for one in positional)])
    parts = [f"\n## {command.name}\n\n{command.summary}\n\n    {usage}\n\n"]
    parts += [f"`{one.metavar}`: {one.help}.\n\n" for one in positional]
    parts.append(_flag_table(parser.flags) if declared else "")
    options = [one for one in others if one.option_strings]
    parts.append(_rows(("flag", "meaning"), (_option(one) for one in options)) if options else "")
    return "".join(parts)


def _flag_table(flags: Sequence[Flag]) -> str:
    return _rows(("flag", "default", "environment variable", "meaning"), map(_flag, flags))


def _flag(flag: Flag) -> tuple[str, ...]:
    name = f"`--{flag.name}`" if flag.metavar is None else f"`--{flag.name}={flag.metavar}`"
    default = "" if flag.default is None else f"`{flag.default}`"
    return name, default, f"`{flag.variable}`", flag.help + ("; can be given again" if flag.repeatable else "")


def _option(action: argparse.Action) -> tuple[str, ...]:
    # Both forms of a flag whose value may be left out.
    value = "" if action.nargs == 0 else f"[={action.metavar}]" if action.nargs == "?" else f"={_metavar(action)}"
    return f"`{action.option_strings[0]}{value}`", (action.help or "").replace("%%", "%")


def _metavar(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def _rows(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    table = [head, ("---",) * len(head), *lines]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in table)


if __name__ == "__main__":
    sys.stdout.write(manual())
