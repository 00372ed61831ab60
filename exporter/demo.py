"""The whole thing without an account: a simulated LeadSquared, an application that submits to it, and the exporter.

Everything is on loopback and in one process; the calls between the three go over real connections. The application submits
its updates through the gateway, which hands on the simulator's answers and records the RequestIDs in them.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from random import Random
from typing import Final

import aiohttp

from exporter import log
from exporter.app import assemble
from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, GatewaySource, Polling, RateLimit, Settings, Storage
from exporter.core.ledger import Counter
from exporter.flags import Flag, Parser
from exporter.leadsquared.endpoints import BY_NAME
from exporter.options import RunOptions
from exporter.service import Service
from exporter.simulator.door import Account as RemoteAccount
from exporter.simulator.options import SWITCHES, Options
from exporter.simulator.remote import Remote, new_seed
from exporter.simulator.server import SimulatorServer
from exporter.web.listen import Listeners


def _number(text: str) -> str | None:
    try:
        fits = 0 <= float(text) < MOST
    except ValueError:
        fits = False
    return None if fits else f"must be a number from 0 to {MOST:.0f}"


def _rate(text: str) -> str | None:
    return _number(text) or (None if float(text) else "must be more than 0")


MOST: Final = 1_000_000.0
# An hour of the vendor's is a minute here: nobody wants to wait nine hours for the end of its retries.
HASTE: Final = 60.0
BEHAVIOUR: Final = Options(
    queue_rate=1.5,
    queue_workers=3,
    queue_service_time=0.5,
    queue_failure=0.03,
    queue_error=0.05,
    queue_time_scale=HASTE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong at the simulated LeadSquared, in words and switches, and the alert that comes of it."""

    text: str
    options: Options
    alert: str


TROUBLES: Final[Mapping[str, Trouble]] = {
    "stuck": Trouble(
        text="three of five attempts at an update end in a system error, and are repeated",
        options=replace(BEHAVIOUR, queue_error=0.6, queue_failure=0.01, queue_rate=5.0, queue_workers=6),
        alert="LeadSquaredRequestsStuck",
    ),
    "failing": Trouble(
        text="four of five updates end in FAILURE",
        options=replace(BEHAVIOUR, queue_failure=0.8),
        alert="LeadSquaredUpdatesFailing",
    ),
    "unauthorized": Trouble(
        text="the exporter's key is refused",
        options=replace(BEHAVIOUR, fault_unauthorized=1.0, fault_on="polls"),
        alert="LeadSquaredAccountUnauthorized",
    ),
}
NONE: Final = "none"
STUCK_SECONDS: Final = Polling().stuck_after / HASTE
FLAGS: Final = (
    Flag(
        name="listen", metavar="HOST:PORT", default="127.0.0.1:0", help="where the exporter listens; port 0: a free one"
    ),
    Flag(
        name="seconds",
        metavar="N",
        default="0",
        check=_number,
        help="end by itself after so many seconds; 0: not before Ctrl-C",
    ),
    Flag(
        name="rate",
        metavar="N",
        default="1",
        check=_rate,
        help="updates that the application submits a second, on average",
    ),
    Flag(
        name="trouble",
        metavar="NAME",
        default=NONE,
        choices=(NONE, *TROUBLES),
        help="; ".join(f"{name}: {trouble.text}" for name, trouble in TROUBLES.items()),
    ),
)
KEY: Final = "demo-key"
GATEWAY: Final = "gateway"
APIS: Final = ("lead_update", "activity_create")
# In a terminal each line replaces the last; elsewhere they would fill the log.
TERMINAL_SECONDS: Final = 0.5
PLAIN_SECONDS: Final = 5.0
PARTED: Final = "  |  "


def add_arguments(parser: Parser) -> None:
    parser.declare(FLAGS)


def run(arguments: argparse.Namespace) -> int:
    log.configure(level="warn", form="logfmt")
    with tempfile.TemporaryDirectory(prefix="leadsquared-exporter-demo-") as folder:
        return asyncio.run(_demo(arguments, Path(folder)))


async def _demo(arguments: argparse.Namespace, folder: Path) -> int:
    calls = _calls(float(arguments.rate))
    trouble = TROUBLES.get(arguments.trouble)
    remote = Remote(
        trouble.options if trouble else BEHAVIOUR,
        new_seed(),
        accounts=[RemoteAccount(name="demo", key=KEY, calls=calls)],
    )
    simulator = SimulatorServer(remote)
    await simulator.start()
    options = RunOptions(listen_addresses=(arguments.listen,))
    service, listeners = assemble(options, _settings(simulator.url, folder, calls, hasty=trouble is not None))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, service.quit)
    url = await _start(service, listeners, simulator)
    try:
        gateway = await _gateway(service)
        _say(
            f"LeadSquared (simulated)  {simulator.url}/simulator/truth\n"
            f"Gateway                  {gateway}\n"
            f"Exporter                 {url}/  {url}/metrics\n"
        )
        if trouble:
            _say(_explanation(trouble, simulator.url))
        await _watch(service, simulator, gateway, float(arguments.rate), float(arguments.seconds))
    finally:
        await _stop(service, listeners, simulator)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A second Ctrl-C that comes late must not make a failure of a good end.
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    _say("stopped\n")
    return 0


def _explanation(trouble: Trouble, url: str) -> str:
    wrong = [one for one in SWITCHES if getattr(trouble.options, one.field) != getattr(BEHAVIOUR, one.field)]
    right = json.dumps({switch.name: getattr(BEHAVIOUR, switch.field) for switch in wrong})
    return (
        f"Trouble                  {trouble.text}; the alert for it is {trouble.alert}\n"
        f"An hour is a minute      repetitions of the simulated LeadSquared, and polling.stuck_after: {STUCK_SECONDS:g}s\n"
        f"Put it right             curl -d '{right}' {url}/simulator/options\n"
    )


def _settings(url: str, folder: Path, calls: int, *, hasty: bool) -> Settings:
    """`hasty`: requests count as stuck sixty times as soon."""
    apis = {
        name: Api(name=name, status_path=BY_NAME[name].status_path, metrics_path=BY_NAME[name].metrics_path)
        for name in APIS
    }
    account = Account(
        name="demo", base_url=url, api_key=InlineSecret(KEY), rate_limit=RateLimit(calls=calls), apis=apis
    )
    return Settings(
        accounts=(account,),
        sources=(GatewaySource(account="demo", listen="127.0.0.1:0", name=GATEWAY),),
        queue_metrics_interval=15.0,
        polling=Polling(stuck_after=STUCK_SECONDS) if hasty else Polling(),
        storage=Storage(url=f"sqlite:///{folder}/state.db"),
    )


def _calls(rate: float) -> int:
    """What the account may do in 5 s: more than usual where the application alone would use it up."""
    return max(RateLimit().calls, ceil(2 * rate * RateLimit().period))


async def _gateway(service: Service) -> str:
    """Where it listens, as soon as it does."""
    while (url := service.gateway_url(GATEWAY)) is None:  # noqa: ASYNC110  (a few milliseconds)
        await asyncio.sleep(0.01)
    return url


async def _watch(service: Service, simulator: SimulatorServer, gateway: str, rate: float, seconds: float) -> None:
    """Let the application work and tell how it goes, until the end; then let what is submitted come to its end."""
    application = asyncio.create_task(_application(gateway, rate))
    teller = asyncio.create_task(_tell(service, simulator))
    ends = asyncio.create_task(service.stopping.wait())
    await asyncio.wait([application, teller, ends], timeout=seconds or None, return_when=asyncio.FIRST_COMPLETED)
    for task in (application, teller, ends):
        task.cancel()
    await asyncio.gather(application, teller, ends, return_exceptions=True)
    _say(("\r\033[K" if sys.stdout.isatty() else "") + PARTED.join(_progress(service, simulator)) + "\n")


async def _application(gateway: str, rate: float) -> None:
    """Submits one update after the other, and knows nothing of an exporter: its LeadSquared is at the gateway."""
    random = Random()  # noqa: S311  (an arrival process, not a secret)
    async with aiohttp.ClientSession(headers={"x-api-key": KEY}) as session:
        while True:
            await asyncio.sleep(random.expovariate(rate))
            path = BY_NAME[random.choice(APIS)].submit_path
            with suppress(aiohttp.ClientError):
                await (await session.post(gateway + path, json=[])).read()


async def _tell(service: Service, simulator: SimulatorServer) -> None:
    terminal = sys.stdout.isatty()
    while True:
        await asyncio.sleep(TERMINAL_SECONDS if terminal else PLAIN_SECONDS)
        parts = _progress(service, simulator)
        _say("\r\033[K" + _fit(parts, shutil.get_terminal_size().columns) if terminal else PARTED.join(parts) + "\n")


def _fit(parts: Sequence[str], columns: int) -> str:
    """As many whole parts as the line has room for: a line that wraps can't be written over."""
    lines = [PARTED.join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((line for line in lines if len(line) < columns), parts[0][: columns - 1])


def _progress(service: Service, simulator: SimulatorServer) -> tuple[str, str, str]:
    """What the exporter has counted, what the simulator knows, and the budget."""
    remote = simulator.remote
    simulator.advance()
    ended = [status for api in APIS for status, count in remote.finished("demo", api).items() for _ in range(count)]
    counters = service.engine.ledger.counters
    finished: dict[str, int] = {}
    for counts in service.finished().values():
        for status, count in counts.items():
            finished[status] = finished.get(status, 0) + count
    (view,) = service.views()
    pending = sum(sum(api.pending.values()) for api in view.apis)
    stuck = sum(sum(api.stuck.values()) for api in view.apis)
    truth = ", ".join(f"{ended.count(status)} {status}" for status in sorted(set(ended))) or "0 finished"
    counted = ", ".join(f"{count} {status}" for status, count in sorted(finished.items()) if count) or "0 finished"
    window = view.windows[0]
    return (
        f"exporter: {sum(counters[Counter.DISCOVERED].values())} taken in, {counted}, {pending} pending"
        + (f", {stuck} stuck" if stuck else ""),
        f"simulator: {len(remote.truth)} submitted, {truth}",
        f"budget: {window.used} of {window.allowed} calls in {window.seconds:g} s",
    )


async def _start(service: Service, listeners: Listeners, simulator: SimulatorServer) -> str:
    """Where the exporter listens. What keeps it from starting is told, and not that it then can't be stopped in order."""
    try:
        (url,) = await listeners.start()
        await service.start()
    except BaseException:
        await listeners.stop()
        await service.abort()
        await simulator.stop()
        raise
    return url


async def _stop(service: Service, listeners: Listeners, simulator: SimulatorServer) -> None:
    service.drain()
    await listeners.stop()
    await service.stop()
    await simulator.stop()


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
