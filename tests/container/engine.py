"""podman with a storage of its own, which lasts from one run to the next: images are expensive, and the user's are not ours."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).parents[2]
WEEK = "168h"
OVERLAY = "overlay"
# Without systemd: runc, because crun refuses cgroups of both versions side by side; and limits below those of a machine
# that may not raise them.
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[network]
network_backend = "netavark"
"""
STORAGE = """\
[storage]
driver = "{driver}"
graphroot = "{folder}/storage"
runroot = "{volatile}/leadsquared-exporter-containers"
"""
# Where a machine with authorities of its own has them; pip in the build asks the same registry as outside.
AUTHORITIES = ("/etc/ssl/certs", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates")


class Engine:
    """`folder` keeps images and layers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._driver = _driver(folder)
        containers, storage = folder / "containers.conf", folder / "storage.conf"
        containers.write_text("" if Path("/run/systemd/system").exists() else CONTAINERS)
        volatile = "/run" if os.getuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", gettempdir())
        storage.write_text(STORAGE.format(driver=self._driver, folder=folder, volatile=volatile))
        self._environment = {"CONTAINERS_CONF": str(containers), "CONTAINERS_STORAGE_CONF": str(storage)}

    def podman(self, *words: str) -> str:
        """What it prints."""
        return self.run("podman", *words).stdout.strip()

    def run(
        self, *command: str | Path, environment: Mapping[str, str] | None = None, checked: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Any program that ends up with podman. `checked`: it has to end well."""
        everything = {**os.environ, **self._environment, **(environment or {})}
        ended = subprocess.run(command, env=everything, cwd=ROOT, capture_output=True, text=True, check=False)
        assert not checked or ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
        return ended

    def inspect(self, kind: str, name: str) -> Any:
        (found,) = json.loads(self.podman(kind, "inspect", name))
        return found

    def stand_in(self, image: str, script: Path, *options: str) -> str:
        """The name of an image that `script` prints as a tar archive, made where there is none of this script yet.

        The tag tells it from the real one.
        """
        name = f"docker.io/{image}:stand-in-{sha256(script.read_bytes()).hexdigest()[:12]}"
        if self.run("podman", "image", "exists", name, checked=False).returncode == 0:
            return name
        # Not through a pipe: half of an archive would be an image too, and be found by the next run.
        with NamedTemporaryFile(dir=self._folder, suffix=".tar") as archive:
            subprocess.run([script], stdout=archive, check=True)
            self.podman("import", "--quiet", *options, archive.name, name)
        return name

    def derive(self, image: str, *, base: str, instructions: Sequence[str]) -> None:
        """`base` with other settings, under the name `image`."""
        recipe = self._folder / "derived.Dockerfile"
        recipe.write_text("\n".join((f"FROM {base}", *instructions)))
        self.podman(
            "build", "--quiet", "--pull=never", f"--tag={image}", f"--file={recipe}", str(Path(__file__).parent)
        )

    def build(self, *, base: str) -> str:
        """The id of the project's image, built as `make image` does; what has not changed is not built again."""
        authorities = [f"--volume={path}:{path}:ro" for path in AUTHORITIES if Path(path).is_dir()]
        # Where this runs in a container itself, its kernel may refuse the steps a container each.
        nested = ("--isolation=chroot", "--network=host", "--pull=never", *authorities)
        layers = f"--layers={str(self._driver == OVERLAY).lower()}"
        arguments = (*nested, layers, f"--build-arg=PYTHON={base.partition(':')[2]}", "--quiet")
        built = self.run(ROOT / "scripts" / "image", *arguments, environment={"CONTAINER_ENGINE": "podman"})
        self.podman("image", "prune", "--force", f"--filter=until={WEEK}")
        return built.stdout.split()[-1]

    @contextmanager
    def container(self, *words: str) -> Iterator[str]:
        """The name of a container that `podman run` starts; gone at the end, with its volumes."""
        name = f"leadsquared-exporter-test-{uuid4().hex[:12]}"
        # Health is asked for by the tests: podman has its timers from systemd.
        self.podman("run", "--detach", f"--name={name}", "--health-interval=disable", *words)
        try:
            yield name
        finally:
            self.podman("rm", "--force", "--volumes", "--time=10", name)

    @contextmanager
    def network(self) -> Iterator[str]:
        name = f"leadsquared-exporter-test-{uuid4().hex[:12]}"
        self.podman("network", "create", name)
        try:
            yield name
        finally:
            self.podman("network", "rm", "--force", name)

    def published(self, container: str, port: int) -> str:
        """http://127.0.0.1:PORT, where the container's port is reached from outside."""
        return f"http://{self.podman('port', container, str(port))}"


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadsquared-exporter" / "containers"


def _driver(folder: Path) -> str:
    """An overlay can't lie on an overlay, as in a container; copies of everything for each layer can."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True).stdout.strip()
    return "vfs" if kind == "overlayfs" else OVERLAY
