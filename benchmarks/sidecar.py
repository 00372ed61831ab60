"""The exporter as a sidecar: start to ready, resident memory, CPU at rest, with one account and 100 pending requests.

`python -m benchmarks.sidecar [--seconds 30]` starts the real process against an upstream that never finishes anything.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

from benchmarks.upstream import upstream

CONFIGURATION = """\
accounts:
  - name: acme
    base_url: {upstream}
    api_key_file: key
sources: [{{type: push}}]
storage: {{url: "sqlite:///{folder}/state.db"}}
"""


def fetch(url: str, data: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5.0) as answer:
        body: bytes = answer.read()
        return body


def await_ready(url: str) -> None:
    while True:
        try:
            fetch(f"{url}/-/ready")
            return
        except OSError:
            time.sleep(0.01)


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name, upstream() as base_url:
        folder, url = Path(name), "http://127.0.0.1:10239"
        (folder / "key").write_text("benchmark")
        (folder / "config.yaml").write_text(CONFIGURATION.format(upstream=base_url, folder=folder))
        began = time.perf_counter()
        command = [sys.executable, "-m", "exporter", f"--config.file={folder}/config.yaml"]
        process = subprocess.Popen([*command, "--web.listen-address=127.0.0.1:10239", "--log.level=error"])
        await_ready(url)
        print(f"start to ready   {time.perf_counter() - began:.2f} s")
        ids = [str(uuid.uuid4()) for _ in range(100)]
        fetch(f"{url}/api/v1/requests", json.dumps([{"request_ids": ids}]).encode())
        time.sleep(10.0)
        before = cpu_seconds(process.pid)
        time.sleep(seconds)
        print(f"CPU              {(cpu_seconds(process.pid) - before) / seconds:.2%} of a core, default policy")
        fetch(f"{url}/metrics")
        print(f"resident memory  {resident_mib(process.pid):.0f} MiB")
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
