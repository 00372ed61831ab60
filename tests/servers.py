"""Real servers of other programs on free ports of loopback, with what they keep in a folder of the test."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e.processes import eventually, free_port


class RedisServer:
    """Writes everything to its file before it answers, so that a kill loses nothing."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", "")
        durable = ("--appendonly", "yes", "--appendfsync", "everysec", *self._options, *more)
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(("redis-server", *options, *durable), stdout=log, stderr=log)
        eventually(lambda: self.command("PING"), fits=lambda answer: answer == "PONG")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def command(self, *words: str) -> str:
        return redis_cli(self.port, *words)


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """`options` are those of redis-server, and come last."""
    server = RedisServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class RedisSentinel:
    """A primary, its replica, and a Sentinel, which is patient: on a busy machine a primary may be slow."""

    def __init__(self, folder: Path) -> None:
        options = ("--repl-diskless-sync-delay", "0")
        self.servers = [_made(folder / name, *options) for name in ("first", "second")]
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "sentinel.conf").write_text(
            f"bind 127.0.0.1\nport {self.port}\ndir {folder}\n"
            f"sentinel monitor orders 127.0.0.1 {self.servers[0].port} 1\n"
            "sentinel down-after-milliseconds orders 5000\nsentinel failover-timeout orders 10000\n"
        )

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:1,127.0.0.1:{self.port}/orders"

    def start(self) -> None:
        for server in self.servers:
            server.start()
        first, second = self.servers
        second.command("REPLICAOF", "127.0.0.1", str(first.port))
        eventually(lambda: second.command("INFO", "replication"), fits=lambda told: "master_link_status:up" in told)
        with (self._folder / "sentinel.log").open("ab") as log:
            command = ("redis-server", str(self._folder / "sentinel.conf"), "--sentinel")
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(lambda: self.command("SENTINEL", "replicas", "orders"), fits=lambda told: "127.0.0.1" in told)

    def stop(self) -> None:
        for server in self.servers:
            server.stop()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def primary(self) -> RedisServer:
        port = self.command("SENTINEL", "get-master-addr-by-name", "orders").split()[-1]
        return next(server for server in self.servers if str(server.port) == port)

    def fail_over(self) -> None:
        """Kill the primary, and return when the other one has taken over and the killed one follows it."""
        killed = self.primary()
        killed.stop()
        self.command("SENTINEL", "FAILOVER", "orders")
        other = eventually(self.primary, fits=lambda server: server is not killed)
        eventually(lambda: other.command("ROLE"), fits=lambda told: told.startswith("master"))
        killed.start("--replicaof", "127.0.0.1", str(other.port))
        eventually(lambda: other.command("INFO", "replication"), fits=lambda told: "state=online" in told)

    def command(self, *words: str) -> str:
        return redis_cli(self.port, *words)


@contextmanager
def redis_sentinel(folder: Path) -> Iterator[RedisSentinel]:
    servers = RedisSentinel(folder)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


class RedisCluster:
    """Three primaries without replicas."""

    def __init__(self, folder: Path) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        # A bus by default 10,000 above the port, where the kernel takes what it gives to connections.
        buses = [("--cluster-port", str(free_port())) for _ in range(3)]
        self.servers = [_made(folder / str(number), *options, *bus) for number, bus in enumerate(buses)]

    @property
    def url(self) -> str:
        return "redis+cluster://127.0.0.1:1," + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def start(self) -> None:
        for server in self.servers:
            server.start()
        nodes = [f"127.0.0.1:{server.port}" for server in self.servers]
        command = ("redis-cli", "--cluster", "create", *nodes, "--cluster-yes")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for server in self.servers:
            eventually(lambda: server.command("CLUSTER", "INFO"), fits=lambda told: "cluster_state:ok" in told)  # noqa: B023

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def owner(self, key: str) -> RedisServer:
        return next(server for server in self.servers if "MOVED" not in server.command("EXISTS", key))

    def move(self, key: str) -> RedisServer:
        """Give the slot of a key to another node, with all that is in it; that node."""
        source = self.owner(key)
        target = next(server for server in self.servers if server is not source)
        slot = source.command("CLUSTER", "KEYSLOT", key)
        ids = {server.port: server.command("CLUSTER", "MYID") for server in self.servers}
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.port])
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target.port])
        while keys := source.command("CLUSTER", "GETKEYSINSLOT", slot, "100").split():
            source.command("MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *keys)
        for server in (target, source, *self.servers):
            server.command("CLUSTER", "SETSLOT", slot, "NODE", ids[target.port])
        return target


@contextmanager
def redis_cluster(folder: Path) -> Iterator[RedisCluster]:
    servers = RedisCluster(folder)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


def redis_cli(port: int, *words: str) -> str:
    command = ("redis-cli", "-p", str(port), *words)
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _made(folder: Path, *options: str) -> RedisServer:
    folder.mkdir()
    return RedisServer(folder, *options)


class PostgresServer:
    """PostgreSQL refuses to run as root, so root runs it as the user `postgres`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._folder = folder
        self._data = folder / "postgres"
        self._as_user: tuple[str, ...] = ()
        if os.getuid() == 0:
            self._as_user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
            shutil.chown(folder, "postgres")

    def create(self) -> None:
        options = ("--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C")
        self._run("initdb", f"--pgdata={self._data}", *options)

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self._folder} -c fsync=off"
        log = f"--log={self._folder}/postgres.log"
        self._run("pg_ctl", "start", "--wait", f"--pgdata={self._data}", log, "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={self._data}")

    def _run(self, program: str, *words: str) -> None:
        command = (*self._as_user, postgres_program(program), *words)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder)


def postgres_program(name: str) -> str:
    """Debian keeps them apart, by version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """In a folder of its own: those of pytest are shut to the user that root runs it as."""
    with TemporaryDirectory(prefix="postgres-") as folder:
        server = PostgresServer(Path(folder))
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


class MariaServer:
    """Keeps to a folder, a port and a socket of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"mysql://tester:tester@127.0.0.1:{self.port}/test"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        options = (f"--datadir={self._folder}/maria", "--auth-root-authentication-method=normal", "--skip-test-db")
        command = ("mariadb-install-db", "--no-defaults", *options, *self._user())
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self) -> None:
        network = (f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self._folder}/maria.sock")
        command = ("mariadbd", "--no-defaults", f"--datadir={self._folder}/maria", *network, *self._user())
        with (self._folder / "maria.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(lambda: self.run("SELECT 1"), fits=lambda answer: answer == "1")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def run(self, sql: str) -> str:
        command = ("mariadb", "--no-defaults", f"--socket={self._folder}/maria.sock", "--user=root", "-N", "-e", sql)
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def _user(self) -> tuple[str, ...]:
        return ("--user=root",) if os.getuid() == 0 else ()


@contextmanager
def maria_server(folder: Path) -> Iterator[MariaServer]:
    server = MariaServer(folder)
    server.create()
    server.start()
    try:
        server.run("CREATE DATABASE test; CREATE USER tester IDENTIFIED BY 'tester'; GRANT ALL ON test.* TO tester")
        yield server
    finally:
        server.stop()


class ProxyServer:
    """tinyproxy, with a user and a password where one is given. It lets calls through to any port."""

    def __init__(self, folder: Path, *, user: str = "", password: str = "") -> None:
        self.port = free_port()
        self.log = folder / "tinyproxy.log"
        lines = ["Listen 127.0.0.1", f"Port {self.port}", "Timeout 60", "Allow 127.0.0.1", "MaxClients 50"]
        lines += ["LogLevel Connect", f'LogFile "{self.log}"', *([f"BasicAuth {user} {password}"] if user else [])]
        self._configuration = folder / "tinyproxy.conf"
        self._configuration.write_text("\n".join([*lines, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ("tinyproxy", "-d", "-c", str(self._configuration))
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._listens, fits=bool)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def proxy_server(folder: Path, *, user: str = "", password: str = "") -> Iterator[ProxyServer]:
    server = ProxyServer(folder, user=user, password=password)
    server.start()
    try:
        yield server
    finally:
        server.stop()
