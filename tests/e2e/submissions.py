"""An application that submits through the gateway of a real exporter while that is killed again and again."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.e2e.processes import eventually, fetch, free_port, running

CONFIGURATION = """\
accounts:
  - {{name: acme, base_url: "{upstream}", api_key_file: key, rate_limit: {{calls: 2000, period: 1s, share: 0.1}}}}
sources:
  - {{type: gateway, account: acme, listen: "127.0.0.1:{port}"}}
storage: {{url: "sqlite:///{folder}/state.db"}}
"""
CALLERS = 16
PROGRAM = (sys.executable, "-m", "exporter")


@dataclass
class Outcome:
    """`answered` RequestIDs reached the application; `errors` are calls that broke or were refused."""

    answered: set[str] = field(default_factory=set)
    errors: int = 0
    odd: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    kills: int = 0


class Application:
    """Submits until `submissions` answers have come, and calls for a kill after each equal part of them."""

    def __init__(self, folder: Path, stack: ExitStack, *, submissions: int, kills: int) -> None:
        self.outcome = Outcome()
        self._folder = folder
        self._stack = stack
        self._submissions = submissions
        self._kills = kills
        self._port, self._web = free_port(), free_port()
        self._upstream = f"http://127.0.0.1:{free_port()}"

    async def run(self) -> Outcome:
        (self._folder / "key").write_text("stage-key")
        text = CONFIGURATION.format(upstream=self._upstream, port=self._port, folder=self._folder)
        (self._folder / "config.yaml").write_text(text)
        self._start_upstream()
        process = self._start_exporter()
        async with aiohttp.ClientSession(headers={"x-api-key": "stage-key"}) as session:
            callers = [asyncio.create_task(self._call(session)) for _ in range(CALLERS)]
            for number in range(1, self._kills + 1):
                while len(self.outcome.answered) < number * self._submissions // (self._kills + 1):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.outcome.kills += 1
                process = await asyncio.to_thread(self._start_exporter)
            await asyncio.gather(*callers)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.outcome.lost = self.outcome.answered - self._stored()
        return self.outcome

    async def _call(self, session: aiohttp.ClientSession) -> None:
        outcome = self.outcome
        while len(outcome.answered) < self._submissions:
            try:
                async with session.post(f"http://127.0.0.1:{self._port}/lead/update?accessKey=k", json=[]) as answer:
                    body = await answer.read()
            except (aiohttp.ClientError, ConnectionError):
                outcome.errors += 1
                await asyncio.sleep(0.02)
            else:
                self._judge(answer.status, body)

    def _judge(self, status: int, body: bytes) -> None:
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if status == 200 and isinstance(content, dict) and "RequestID" in content:
            self.outcome.answered.add(content["RequestID"])
        elif status in (502, 504) and isinstance(content, dict) and "error" in content:
            self.outcome.errors += 1
        else:
            self.outcome.odd.append(f"{status} {body[:200]!r}")

    def _start_upstream(self) -> None:
        listen = f"--web.listen-address={self._upstream.removeprefix('http://')}"
        command = (*PROGRAM, "upstream", listen, "--key=stage-key", "--rate=100000/1s")
        self._stack.enter_context(running(*command, told=self._folder / "upstream.log"))
        eventually(lambda: fetch(f"{self._upstream}/simulator/truth"), fits=bool)

    def _start_exporter(self) -> subprocess.Popen[bytes]:
        listen = f"--web.listen-address=127.0.0.1:{self._web}"
        command = (*PROGRAM, f"--config.file={self._folder}/config.yaml", listen)
        process = self._stack.enter_context(running(*command, told=self._folder / "exporter.log"))
        eventually(lambda: fetch(f"http://127.0.0.1:{self._web}/-/ready"), fits=bool)
        return process

    def _stored(self) -> set[str]:
        connection = sqlite3.connect(self._folder / "state.db")
        found = {row[0] for row in connection.execute("SELECT request_id FROM requests")}
        connection.close()
        return found


def submit(folder: Path, *, submissions: int, kills: int) -> Outcome:
    with ExitStack() as stack:
        return asyncio.run(Application(folder, stack, submissions=submissions, kills=kills).run())
