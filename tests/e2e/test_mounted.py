"""A configuration as Kubernetes mounts it: files that are links into a folder, which is swapped for another as a whole."""

from pathlib import Path

from tests.e2e.processes import eventually, fetch, running
from tests.e2e.stage import CONFIGURATION, EXPORTER, Stage

LIMIT = 'leadsquared_rate_limit_calls{account="acme",window="burst"}'
UP = 'leadsquared_account_up{account="acme"}'
RELOADED = "leadsquared_exporter_config_last_reload_successful"


class Mount:
    """What the kubelet does with a projected volume."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._version = 0
        folder.mkdir()

    def publish(self, **files: str) -> None:
        self._version += 1
        version = self.folder / f"..{self._version}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_text(content)
        (self.folder / "..data_tmp").symlink_to(version.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")


def test_a_swapped_configmap_and_a_swapped_secret_are_taken_over_without_a_signal(stage: Stage) -> None:
    stage.start_upstream()
    mount = Mount(stage.folder / "mounted")
    good = CONFIGURATION.format(upstream=stage.upstream, folder=stage.folder)
    mount.publish(**{"config.yaml": good, "key": "stage-key\n"})
    command = (*EXPORTER, f"--config.file={mount.folder}/config.yaml", "--config.auto-reload-interval=100ms")
    told = stage.folder / "exporter.log"
    stage.stack.enter_context(running(*command, f"--web.listen-address=127.0.0.1:{stage.port}", told=told))
    eventually(lambda: fetch(f"{stage.url}/-/ready"), fits=bool)

    mount.publish(**{"config.yaml": good.replace("calls: 100", "calls: -1"), "key": "stage-key\n"})
    eventually(lambda: stage.metrics()[RELOADED], fits=lambda worked: worked == 0)
    stage.push(stage.submit(1))
    eventually(lambda: stage.metrics().get(UP), fits=lambda up: up == 1)
    assert stage.metrics()[LIMIT] == 50

    mount.publish(**{"config.yaml": good.replace("calls: 100", "calls: 8"), "key": "another-key\n"})
    eventually(lambda: stage.metrics()[RELOADED], fits=lambda worked: worked == 1)
    assert stage.metrics()[LIMIT] == 4
    stage.push(stage.submit(1))
    eventually(lambda: stage.metrics()[UP], fits=lambda up: up == 0)
