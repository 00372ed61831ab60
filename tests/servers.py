"""Real servers of other programs on free ports of loopback, with what they keep in a folder of the test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import eventually, free_port


class RedisServer:
    """Keeps everything on disk at once, so that a restart, and a kill too, loses nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", "")
        durable = ("--appendonly", "yes", "--appendfsync", "always")
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(("redis-server", *options, *durable), stdout=log, stderr=log)
        eventually(lambda: self.command("PING"), fits=lambda answer: answer == "PONG")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def command(self, *words: str) -> str:
        command = ("redis-cli", "-p", str(self.port), *words)
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
