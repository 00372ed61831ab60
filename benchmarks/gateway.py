"""What the gateway costs: latency added to going direct, throughput beside a bare reverse proxy, and what its cache saves.

`python -m benchmarks.gateway [--seconds 20] [--rounds 3]`. The exporter, the rival and the upstream are processes of their own.
The upstream is the least that asyncio can do; the rival is the reverse proxy that one writes with aiohttp in ten lines, and
it records nothing. The exporter commits every RequestID before it hands on the answer. For the throughput the server has a
core of its own; upstream and caller share the other one.
"""

import argparse
import asyncio
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from subprocess import Popen
from sys import executable

import aiohttp
from aiohttp import web

from benchmarks.sidecar import await_ready, cpu_seconds, fetch

CONFIGURATION = """\
accounts:
  - {{name: acme, base_url: "{upstream}", api_key_file: key, rate_limit: {{calls: 100, period: 5s}}}}
sources:
  - {{type: gateway, account: acme, listen: "127.0.0.1:{port}"}}
storage: {{url: "sqlite:///{folder}/state.db", max_pending: 10000000}}
"""
TARGET = "/lead/update?accessKey=k&secretKey=s&leadId=1"
LOAD = b'[{"Attribute": "mx_City", "Value": "Pune"}]'
SUBMISSION = (
    f"POST {TARGET} HTTP/1.1\r\nHost: localhost\r\nx-api-key: k\r\nAccept: */*\r\nUser-Agent: application/1\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(LOAD)}\r\n\r\n"
).encode() + LOAD
QUESTION = "GET /lead/update/status?RequestID={}&max_age=60 HTTP/1.1\r\nHost: localhost\r\nx-api-key: k\r\n\r\n"
ACCEPTED = '{"Status": "Request accepted. Please use below request id to check the status", "RequestID": "%s"}'
QUEUED = (
    '{"RequestID": "%s", "TaskStatus": {"TaskType": "Lead Update", "Status": "In-Queue", "StatusReason": null, '
    '"TaskCurrentStep": "In-Process-Queue", "TaskLastStep": null, "RequestBody": "[]", "Message": null}}'
)
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
RATE = 50.0
AT_ONCE = 32


class Vendor(asyncio.Protocol):
    """Takes every submission, and never ends one."""

    _ids = count()

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            submission = self._buffer.startswith(b"POST")
            length = end + 4 + (len(LOAD) if submission else 0)
            if len(self._buffer) < length:
                return
            line, self._buffer = self._buffer[:end].split(b"\r\n", 1)[0], self._buffer[length:]
            asked = line.split(b" ")[1].rpartition(b"=")[2].decode()
            body = (ACCEPTED % f"{os.getpid()}-{next(self._ids)}" if submission else QUEUED % asked).encode()
            assert self._transport is not None
            self._transport.write((HEAD % len(body)).encode() + body)


def _serve_vendor(listener: socket.socket) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Vendor, sock=listener)
        await server.serve_forever()

    asyncio.run(main())


def _serve_rival(upstream: str, listener: socket.socket) -> None:
    """The reverse proxy of an afternoon."""

    async def proxy(request: web.Request) -> web.Response:
        session: aiohttp.ClientSession = request.app["session"]
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        url = upstream + request.path_qs
        async with session.request(request.method, url, headers=headers, data=await request.read()) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)

    async def start(application: web.Application) -> None:
        application["session"] = aiohttp.ClientSession()

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", proxy)
    application.on_startup.append(start)
    with suppress(KeyboardInterrupt):
        web.run_app(application, sock=listener, print=None, access_log=None)


@contextmanager
def forked(serve: Callable[..., None], *arguments: object) -> Iterator[tuple[int, int]]:
    """A server in a process of its own: its port and its process id."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    process = get_context("fork").Process(target=serve, args=(*arguments, listener), daemon=True)
    process.start()
    try:
        yield listener.getsockname()[1], process.pid or 0
    finally:
        process.terminate()
        process.join()
        listener.close()


@contextmanager
def exporter(upstream: str, folder: Path) -> Iterator[tuple[int, int, str]]:
    """The gateway's port, the process, and the base URL of the web."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        port, own = one.getsockname()[1], other.getsockname()[1]
    (folder / "key").write_text("k")
    (folder / "config.yaml").write_text(CONFIGURATION.format(upstream=upstream, port=port, folder=folder))
    command = [executable, "-m", "exporter", f"--config.file={folder}/config.yaml", "--log.level=error"]
    with Popen([*command, f"--web.listen-address=127.0.0.1:{own}"]) as process:
        try:
            await_ready(f"http://127.0.0.1:{own}")
            yield port, process.pid, f"http://127.0.0.1:{own}"
        finally:
            process.terminate()


class Caller:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, port: int) -> "Caller":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> bytes:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"not answered: {head!r}")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return await self._reader.readexactly(int(length))

    def close(self) -> None:
        self._writer.close()


async def latencies(ports: dict[str, int], seconds: float) -> dict[str, list[float]]:
    """Submissions at RATE a second to each of the ports in turn, each over one of four kept connections."""
    callers = {name: [await Caller.to(port) for _ in range(4)] for name, port in ports.items()}
    taken: dict[str, list[float]] = {name: [] for name in ports}

    async def one(name: str, number: int) -> None:
        began = time.perf_counter()
        await callers[name][number % 4].ask(SUBMISSION)
        taken[name].append(time.perf_counter() - began)

    due = time.perf_counter()
    for number in range(round(seconds * RATE)):
        for name in ports:
            due += 1 / RATE / len(ports)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await one(name, number)
    for some in callers.values():
        for caller in some:
            caller.close()
    return taken


async def throughput(port: int, seconds: float) -> float:
    """Submissions a second, AT_ONCE under way."""
    callers = [await Caller.to(port) for _ in range(AT_ONCE)]
    until = time.perf_counter() + seconds

    async def submit(caller: Caller) -> int:
        made = 0
        while time.perf_counter() < until:
            await caller.ask(SUBMISSION)
            made += 1
        caller.close()
        return made

    began = time.perf_counter()
    return sum(await asyncio.gather(*map(submit, callers))) / (time.perf_counter() - began)


def percentiles(values: list[float]) -> tuple[float, float]:
    """p50 and p99 in ms."""
    cuts = statistics.quantiles(values, n=100)
    return cuts[49] * 1e3, cuts[98] * 1e3


async def compare_latency(ports: dict[str, int], seconds: float, rounds: int) -> None:
    await latencies(ports, 2.0)
    for number in range(1, rounds + 1):
        taken = await latencies(ports, seconds)
        p50, p99 = percentiles(taken.pop("direct"))
        print(f"round {number}: direct        p50 {p50:6.2f} ms, p99 {p99:6.2f} ms")
        for name, values in taken.items():
            its50, its99 = percentiles(values)
            print(f"round {number}: {name:<7} adds  p50 {its50 - p50:6.2f} ms, p99 {its99 - p99:6.2f} ms")


async def compare_throughput(servers: dict[str, tuple[int, int]], seconds: float, rounds: int) -> None:
    ratios = []
    for number in range(1, rounds + 1):
        rates = {}
        for name, (port, process) in servers.items():
            before = cpu_seconds(process)
            rates[name] = await throughput(port, seconds)
            spent = cpu_seconds(process) - before
            print(
                f"round {number}: {name:<8} {rates[name]:6.0f}/s, {spent / rates[name] / seconds * 1e6:4.0f} us of CPU each"
            )
        ratios.append(rates["gateway"] / rates["bare"])
    print(f"median ratio of throughput {statistics.median(ratios):.2f}")


async def compare_polls(gateway: int, url: str) -> None:
    """An application polls its own 20 requests as often as it can for a while."""
    caller = await Caller.to(gateway)
    ids = []
    for _ in range(20):
        answer = (await caller.ask(SUBMISSION)).decode()
        ids.append(answer.rpartition(': "')[2].rstrip('"}'))
    await asyncio.sleep(15.0)
    before = _calls(url)
    began = time.perf_counter()
    for number in range(5_000):
        await caller.ask(QUESTION.format(ids[number % 20]).encode())
    rate = 5_000 / (time.perf_counter() - began)
    caller.close()
    print(f"own polls from the cache: 5,000 at {rate:,.0f}/s, {_calls(url) - before:.0f} extra calls")


def _calls(url: str) -> float:
    lines = fetch(f"{url}/metrics").decode().splitlines()
    start = 'leadsquared_api_calls_total{account="acme",'
    return sum(float(one.rpartition(" ")[2]) for one in lines if one.startswith(start) and 'endpoint="gateway"' in one)


async def run(
    direct: int, gateway: tuple[int, int], rival: tuple[int, int], url: str, given: argparse.Namespace
) -> None:
    await compare_polls(gateway[0], url)
    ports = {"direct": direct, "gateway": gateway[0], "bare": rival[0]}
    await compare_latency(ports, given.seconds, given.rounds)
    for process in (gateway[1], rival[1]):
        pin(process, {0})
    pin(os.getpid(), {1})
    await compare_throughput({"bare": rival, "gateway": gateway}, given.seconds / 4, given.rounds)


def pin(process: int, cores: set[int]) -> None:
    """All its threads."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, forked(_serve_vendor) as (direct, vendor):
        pin(vendor, {1})
        upstream = f"http://127.0.0.1:{direct}"
        with forked(_serve_rival, upstream) as rival, exporter(upstream, Path(folder)) as (port, process, url):
            asyncio.run(run(direct, (port, process), rival, url, given))


if __name__ == "__main__":
    main()
