"""The simulator and the exporter as real processes, on a state that survives them."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.processes import eventually, fetch, fetch_json, free_port, running

EXPORTER = (sys.executable, "-m", "exporter")
CONFIGURATION = """\
accounts:
  - name: acme
    base_url: {upstream}
    api_key_file: key
    rate_limit: {{calls: 100, period: 1s, share: 0.5}}
sources:
  - {{type: push}}
  - {{type: file, account: acme, paths: [ids/*.txt]}}
polling: {{policy: round_robin, stuck_after: 30m}}
storage: {{url: "sqlite:///{folder}/state.db"}}
"""


class Stage:
    """The simulator, and an exporter that can be started, killed and started again on the same state."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.upstream = f"http://127.0.0.1:{free_port()}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.submitted: list[str] = []
        (folder / "key").write_text("stage-key\n")
        (folder / "ids").mkdir()
        (folder / "config.yaml").write_text(CONFIGURATION.format(upstream=self.upstream, folder=folder))

    def start_upstream(self, *flags: str) -> None:
        listen = f"--web.listen-address={self.upstream.removeprefix('http://')}"
        rate = ("--key=stage-key", "--rate=1000/1s", "--queue.rate=200", "--queue.failure=0.1", "--seed=0")
        command = (*EXPORTER, "upstream", listen, *rate, *flags)
        self.stack.enter_context(running(*command, told=self.folder / "upstream.log"))
        eventually(lambda: fetch(f"{self.upstream}/simulator/truth"), fits=bool)

    def start_exporter(self) -> subprocess.Popen[bytes]:
        command = (*EXPORTER, f"--config.file={self.folder}/config.yaml", f"--web.listen-address=127.0.0.1:{self.port}")
        process = self.stack.enter_context(running(*command, told=self.folder / "exporter.log"))
        eventually(lambda: fetch(f"{self.url}/-/ready"), fits=bool)
        return process

    def submit(self, count: int) -> list[str]:
        """Submit as an application does; the RequestIDs."""
        headers = {"x-api-key": "stage-key", "Content-Type": "application/json"}
        answers = [fetch(f"{self.upstream}/lead/update", data=b"[]", headers=headers) for _ in range(count)]
        found = [json.loads(answer)["RequestID"] for answer in answers]
        self.submitted += found
        return found

    def push(self, request_ids: list[str]) -> dict[str, int]:
        group = [{"account": "acme", "api": "lead_update", "request_ids": request_ids}]
        headers = {"Content-Type": "application/json"}
        answer: dict[str, int] = json.loads(
            fetch(f"{self.url}/api/v1/requests", data=json.dumps(group).encode(), headers=headers)
        )
        return answer

    def metrics(self) -> dict[str, float]:
        lines = [line for line in fetch(f"{self.url}/metrics").decode().splitlines() if not line.startswith("#")]
        return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}

    def total(self, family: str) -> float:
        return sum(value for series, value in self.metrics().items() if series.startswith(family + "{"))

    def truth(self) -> dict[str, int]:
        found: dict[str, int] = fetch_json(f"{self.upstream}/simulator/truth")["demo"]["requests"]["lead_update"][
            "finished"
        ]
        return found

    def busiest(self) -> int:
        calls: int = fetch_json(f"{self.upstream}/simulator/truth")["demo"]["busiest"]["polls"]
        return calls
