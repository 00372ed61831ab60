"""`leadsquared-exporter upstream`: the simulator alone, until it is stopped."""

import argparse
import asyncio
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

from exporter.config import duration
from exporter.errors import ConfigurationError, ExporterError
from exporter.simulator.door import Account
from exporter.simulator.options import SWITCHES, Options, Switch, Unit
from exporter.simulator.remote import Remote, new_seed
from exporter.simulator.server import SimulatorServer

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")
_RATE = re.compile(r"(?P<calls>[1-9][0-9]{0,8})/(?P<period>.+)")
_MOST_ACCOUNTS = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `upstream`: the address, the accounts, and one for each switch of Options."""
    parser.add_argument(
        "--web.listen-address",
        type=_address,
        default=("127.0.0.1", 8900),
        metavar="HOST:PORT",
        help="where to listen; port 0 takes a free one (default 127.0.0.1:8900)",
    )
    parser.add_argument("--account", default="demo", help="name of the account (default demo)")
    parser.add_argument("--key", default="demo-key", help="its x-api-key (default demo-key)")
    parser.add_argument(
        "--accounts",
        type=_whole(_MOST_ACCOUNTS),
        default=1,
        metavar="N",
        help="number of accounts; the further ones have -2, -3 … after name and key (default 1)",
    )
    parser.add_argument(
        "--rate",
        type=_rate,
        default=(25, 5.0),
        metavar="CALLS/PERIOD",
        help="limit of an account, or none (default 25/5s)",
    )
    parser.add_argument(
        "--daily", type=_whole(10**9), default=None, metavar="CALLS", help="limit of an account in 24 h (default none)"
    )
    parser.add_argument(
        "--seed", type=int, help="the same seed and calls give the same answers (default a new one, told)"
    )
    for switch in SWITCHES:
        _add_switch(parser, switch)


def run(arguments: argparse.Namespace) -> int:
    """Runs until SIGINT or SIGTERM. The exit status: 0, 1 when it can't start, 2 for flags that do not go together."""
    values = vars(arguments)
    try:
        options = Options(**{switch.field: values[_destination(switch)] for switch in SWITCHES})
        accounts = _accounts(values)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # RequestIDs that came before a restart must not come again: what watches them takes them for old ones.
    seed = new_seed() if values["seed"] is None else values["seed"]
    remote = Remote(options, seed, accounts=accounts)
    host, port = values["web.listen_address"]
    try:
        asyncio.run(_serve(SimulatorServer(remote, host=host, port=port), seed))
    except ExporterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(server: SimulatorServer, seed: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await server.start()
    try:
        sys.stdout.write(_greeting(server, seed))
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await server.stop()


def _greeting(server: SimulatorServer, seed: int) -> str:
    accounts = server.remote.accounts
    first, url = accounts[0], server.url
    more = f" … {accounts[-1].name}" if len(accounts) > 1 else ""
    return (
        f"The simulated LeadSquared listens on {url}\n"
        f"  account {first.name}{more}, x-api-key: {first.key}, limit {_limit(first)}\n"
        f"  submit  curl -X POST -H 'x-api-key: {first.key}' -d '[]' '{url}/lead/update?leadId=1'\n"
        f"  truth   curl {url}/simulator/truth\n"
        f"  seed    {seed}; --seed={seed} gives the same again\n"
    )


def _limit(account: Account) -> str:
    burst = "none" if account.calls is None else f"{account.calls} calls in {duration.format_duration(account.period)}"
    return burst if account.daily is None else f"{burst}, {account.daily} a day"


def _accounts(values: dict[str, Any]) -> list[Account]:
    calls, period = values["rate"]
    count = values["accounts"]
    endings = ["", *(f"-{number}" for number in range(2, count + 1))]
    return [
        Account(
            name=f"{values['account']}{ending}",
            key=f"{values['key']}{ending}",
            calls=calls,
            period=period,
            daily=values["daily"],
        )
        for ending in endings
    ]


def _destination(switch: Switch) -> str:
    return f"simulator_{switch.field}"


def _add_switch(parser: argparse.ArgumentParser, switch: Switch) -> None:
    text = f"{switch.help}; {switch.allowed} (default {switch.show(switch.default)})"
    parser.add_argument(
        f"--{switch.name}",
        dest=_destination(switch),
        type=_reader(switch),
        default=switch.default,
        nargs="?" if switch.unit is Unit.YES_NO else None,
        const=True if switch.unit is Unit.YES_NO else None,
        metavar=switch.unit.name,
        help=text.replace("%", "%%"),
    )


def _reader(switch: Switch) -> Callable[[str], object]:
    def read(text: str) -> object:
        try:
            return switch.read(text)
        except ConfigurationError as error:
            raise argparse.ArgumentTypeError(f"must be {switch.allowed}, got {text}") from error

    return read


def _address(text: str) -> tuple[str, int]:
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise argparse.ArgumentTypeError(f"must be host:port such as 127.0.0.1:8900, got {text}")
    return match["six"] or match["host"] or "127.0.0.1", int(match["port"])


def _rate(text: str) -> tuple[int | None, float]:
    if text == "none":
        return None, 5.0
    match = _RATE.fullmatch(text)
    try:
        period = duration.parse(match["period"]) if match else 0.0
    except ValueError:
        period = 0.0
    if match is None or not period:
        raise argparse.ArgumentTypeError(f"must be calls/period such as 25/5s, or none, got {text}")
    return int(match["calls"]), period


def _whole(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
        if not 1 <= number <= most:
            raise argparse.ArgumentTypeError(f"must be an integer from 1 to {most}, got {text}")
        return number

    return read
