"""The real programs of a scene: two simulated LeadSquareds, the exporter that watches both, a Prometheus that scrapes it."""

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.e2e.processes import eventually, fetch, free_port, running

KEY: Final = "scene-key"
SCRAPE_SECONDS: Final = 5
PROGRAM: Final = (sys.executable, "-m", "exporter")
CONFIGURATION: Final = """\
accounts:
  - name: acme
    base_url: {acme}
    api_key_file: key
    rate_limit: {{calls: 25, period: 5s, daily: 500000}}
    apis: {{lead_update: {{}}, activity_create: {{}}}}
  - name: globex
    base_url: {globex}
    api_key_file: key
    rate_limit: {{calls: 25, period: 5s, daily: unlimited}}
    apis: {{lead_update: {{}}, opportunity_update: {{}}}}
sources:
  - {{type: gateway, account: acme, listen: "{acme_gateway}", name: acme-gateway}}
  - {{type: gateway, account: globex, listen: "{globex_gateway}", name: globex-gateway}}
  - {{type: file, account: acme, paths: ["{folder}/nightly/*.json"], name: nightly-files}}
polling: {{stuck_after: 2m}}
queue_metrics: {{interval: 15s}}
storage: {{url: "sqlite:///{folder}/state.db"}}
"""
SCRAPING: Final = """\
global: {{scrape_interval: {seconds}s}}
scrape_configs:
  - job_name: leadsquared-exporter
    static_configs: [{{targets: ["{exporter}"]}}]
"""
# The vendor's retries, and with them what is stuck, come sooner than the vendor's.
HABITS: Final = ("--queue.between-retries=error", "--answer.latency=30ms", "--answer.jitter=20ms", f"--key={KEY}")
SIMULATED: Final = {
    "acme": (
        *("--seed=1", "--queue.rate=6", "--queue.service-time=400ms", "--queue.failure=0.02"),
        *("--queue.error=0.02", "--queue.time-scale=20"),
    ),
    "globex": (
        *("--seed=2", "--queue.rate=1.5", "--queue.workers=2", "--queue.service-time=900ms", "--queue.failure=0.05"),
        *("--queue.error=0.02", "--queue.time-scale=8", "--queue.pause-every=5m", "--queue.pause-for=30s"),
    ),
}
PARTS: Final = (*SIMULATED, "acme_gateway", "globex_gateway", "exporter", "prometheus")


class Stage:
    """Everything ends with `stack`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.addresses = {part: f"127.0.0.1:{free_port()}" for part in PARTS}
        self._exporter = stack.enter_context(ExitStack())
        self._process_id = 0

    def url(self, part: str) -> str:
        return f"http://{self.addresses[part]}"

    def configure(self) -> Path:
        """What the exporter is told, and the files that it names."""
        (self.folder / "nightly").mkdir()
        (self.folder / "key").write_text(KEY)
        path = self.folder / "config.yaml"
        addresses = self.addresses | {account: self.url(account) for account in SIMULATED}
        path.write_text(CONFIGURATION.format(folder=self.folder, **addresses))
        return path

    def start(self) -> None:
        self.configure()
        for account, flags in SIMULATED.items():
            listen = f"--web.listen-address={self.addresses[account]}"
            self._start(account, *PROGRAM, "upstream", listen, *HABITS, *flags, ready="/simulator/truth")
        self.start_exporter()
        self._start_prometheus()

    def start_exporter(self) -> None:
        command = (
            *PROGRAM,
            f"--config.file={self.folder}/config.yaml",
            f"--web.listen-address={self.addresses['exporter']}",
        )
        process = self._exporter.enter_context(running(*command, told=self.folder / "exporter.log"))
        self._process_id = process.pid
        eventually(lambda: fetch(f"{self.url('exporter')}/-/ready"), fits=bool)

    def reload(self) -> None:
        os.kill(self._process_id, signal.SIGHUP)

    def restart(self) -> None:
        self._exporter.close()
        self.start_exporter()

    def write(self, name: str, text: str) -> None:
        """A file of RequestIDs, whole or not at all, as a job should."""
        fresh = self.folder / f"{name}.fresh"
        fresh.write_text(text)
        fresh.replace(self.folder / "nightly" / name)

    def _start_prometheus(self) -> None:
        path = self.folder / "prometheus.yml"
        path.write_text(SCRAPING.format(seconds=SCRAPE_SECONDS, exporter=self.addresses["exporter"]))
        flags = (
            f"--config.file={path}",
            f"--storage.tsdb.path={self.folder}/data",
            "--enable-feature=exemplar-storage",
        )
        listen = f"--web.listen-address={self.addresses['prometheus']}"
        self._start("prometheus", "prometheus", listen, *flags, ready="/-/ready")

    def _start(self, part: str, *command: str, ready: str) -> None:
        self.stack.enter_context(running(*command, told=self.folder / f"{part}.log"))
        eventually(lambda: fetch(f"{self.url(part)}{ready}"), fits=bool)
