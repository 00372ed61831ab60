"""The image of the project's own Dockerfile, built and run: what it holds, and what it needs."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from exporter import __version__
from exporter.config.extras import EXTRAS
from tests.container.engine import ROOT, Engine
from tests.e2e.processes import eventually, fetch

pytestmark = pytest.mark.heavy

MEGABYTE = 1_000_000
HARDENED = (
    *("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--memory=256m", "--memory-swap=256m", "--pids-limit=50"),
)
STATE = "/var/lib/leadsquared-exporter"
CONFIGURATION = f"""\
accounts:
  - {{name: acme, base_url: "http://upstream:8900", allow_insecure: true, api_key_file: key, rate_limit: {{calls: 25, period: 5s}}}}
sources:
  - {{type: push, account: acme, token_file: token}}
  - {{type: gateway, account: acme, listen: ":10041"}}
storage: {{url: "sqlite:///{STATE}/state.db"}}
"""
KEY = {"x-api-key": "demo-key", "Content-Type": "application/json"}
TOKEN = {"Authorization": "Bearer of-the-test", "Content-Type": "application/json"}
SIMULATOR = ("upstream", "--web.listen-address=0.0.0.0:8900", "--queue.rate=100")
# Of pip, the build tools and compilers; /usr/share has nothing that runs, and folders of such names.
TOOLS = ("pip", "pip[0-9]*", "pip-*", "ensurepip", "hatchling", "uv", "cc", "gcc*", "g++*", "clang*", "ld", "make")


@dataclass(frozen=True, slots=True)
class Running:
    """The exporter in a container, on a network with the simulator, as seen from outside."""

    engine: Engine
    name: str
    simulator: str

    @property
    def web(self) -> str:
        return self.engine.published(self.name, 10040)

    @property
    def gateway(self) -> str:
        return self.engine.published(self.name, 10041)

    @property
    def upstream(self) -> str:
        return self.engine.published(self.simulator, 8900)

    def push(self, *request_ids: str) -> Any:
        group = [{"api": "lead_update", "request_ids": request_ids}]
        return json.loads(fetch(f"{self.web}/api/v1/requests", data=json.dumps(group).encode(), headers=TOKEN))

    def total(self, family: str) -> float:
        lines = fetch(f"{self.web}/metrics").decode().splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith(f"{family}{{"))

    def finished(self) -> float:
        return self.total("leadsquared_requests_finished_total")

    def discovered(self) -> float:
        return self.total("leadsquared_requests_discovered_total")

    def status(self, field: str) -> str:
        """Of the process, as the kernel shows it."""
        text = self.engine.podman("exec", self.name, "cat", "/proc/1/status")
        (found,) = re.findall(rf"^{field}:\s+(.+)$", text, re.MULTILINE)
        return " ".join(found.split())


def submit(url: str) -> str:
    """As an application does; the RequestID."""
    request_id: str = json.loads(fetch(f"{url}/lead/update", data=b"[]", headers=KEY))["RequestID"]
    return request_id


@pytest.fixture(scope="module")
def running(engine: Engine, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("configuration")
    for name, text in {"config.yaml": CONFIGURATION, "key": "demo-key", "token": "of-the-test"}.items():
        (folder / name).write_text(text)
    folder.chmod(0o755)
    with ExitStack() as stack:
        network = stack.enter_context(engine.network())
        joined = (*HARDENED, f"--network={network}")
        simulator = stack.enter_context(
            engine.container(*joined, "--network-alias=upstream", "--publish=127.0.0.1::8900", image, *SIMULATOR)
        )
        published = ("--publish=127.0.0.1::10040", "--publish=127.0.0.1::10041")
        volume = f"--volume={folder}:/etc/leadsquared-exporter:ro"
        found = Running(engine, stack.enter_context(engine.container(*joined, *published, volume, image)), simulator)
        eventually(lambda: fetch(f"{found.web}/-/ready"), fits=bool)
        yield found


def test_the_image_adds_at_most_120_megabytes_to_its_base(engine: Engine, image: str, base: str) -> None:
    added = engine.inspect("image", image)["Size"] - engine.inspect("image", base)["Size"]

    assert 0 < added <= 120 * MEGABYTE


def test_the_labels_tell_what_it_is_and_what_it_was_made_from(engine: Engine, image: str, base: str) -> None:
    labels = engine.inspect("image", image)["Labels"]
    revision, created = subprocess.run(
        ["git", "log", "-1", "--format=%H %ct"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()} | {
        "io.buildah.version": ""
    } == {
        "title": "leadsquared-exporter",
        "description": "Watches LeadSquared asynchronous requests and tells Prometheus what became of them",
        "licenses": "Apache-2.0",
        "version": __version__,
        "revision": revision,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(created))),
        "base.name": base,
        "io.buildah.version": "",
    }


def test_nothing_in_it_compiles_or_installs(engine: Engine, image: str) -> None:
    names = " -o ".join(f"-name '{name}'" for name in TOOLS)
    left_out = " -o ".join(f"-path {path}" for path in ("/proc", "/var/lib/dpkg", "/usr/share"))
    search = f"find / -xdev \\( {left_out} \\) -prune -o \\( {names} \\) -print"

    assert engine.podman("run", "--rm", "--user=0", "--entrypoint=/bin/sh", image, "-c", search) == ""


def test_the_engine_of_every_source_is_in_it(engine: Engine, image: str) -> None:
    modules = ", ".join(sorted({module for needed in EXTRAS.values() for module in needed}))

    assert engine.podman("run", "--rm", "--entrypoint=python", image, "-c", f"import {modules}, hiredis, brotli") == ""


def test_its_user_can_write_to_nothing_but_the_state_and_what_is_temporary(engine: Engine, image: str) -> None:
    search = f"find / {STATE} -xdev -path /proc -prune -o -writable -not -type l -print 2>/dev/null || true"
    found = engine.podman("run", "--rm", "--entrypoint=/bin/sh", image, "-c", search).split()

    assert {path for path in found if not path.startswith("/dev")} == {STATE, "/run/lock", "/tmp", "/var/tmp"}


def test_it_runs_without_root_and_without_any_right(running: Running) -> None:
    assert running.status("Uid") == "10040 10040 10040 10040"
    assert {name: int(running.status(name), 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {
        "CapEff": 0,
        "CapPrm": 0,
        "CapBnd": 0,
        "CapAmb": 0,
    }
    assert running.status("NoNewPrivs") == "1"


def test_it_is_healthy_by_its_own_word(running: Running) -> None:
    assert running.engine.podman("healthcheck", "run", running.name) == ""
    assert running.engine.inspect("container", running.name)["State"]["Health"]["Status"] == "healthy"


def test_updates_through_the_gateway_and_pushed_ones_are_counted_outside(running: Running) -> None:
    before = running.finished()
    submit(running.gateway)
    handed_in = submit(running.upstream)

    assert running.push(handed_in) == {"accepted": 1, "known": 0}
    assert eventually(running.finished, fits=lambda count: count >= before + 2) == before + 2


def test_it_needs_less_than_half_of_256_mebibytes(running: Running) -> None:
    used, limit = running.engine.podman("stats", "--no-stream", "--format={{.MemUsageBytes}}", running.name).split(
        " / "
    )

    assert limit == "256MiB"
    assert float(used.removesuffix("MiB")) < 128


def test_sigterm_ends_it_within_10_seconds_and_its_state_is_there_afterwards(running: Running) -> None:
    submit(running.gateway)
    discovered = running.discovered()
    assert eventually(running.finished, fits=lambda count: count == discovered)
    started = time.monotonic()
    running.engine.podman("kill", "--signal=TERM", running.name)
    assert running.engine.podman("wait", running.name) == "0"
    assert time.monotonic() - started < 10.0
    running.engine.podman("start", running.name)

    assert eventually(running.discovered, fits=bool) == running.finished() == discovered
