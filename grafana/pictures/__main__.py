"""The pictures of the dashboards: `make pictures`, or `python -m grafana.pictures [MINUTES]`.

They show what Grafana's own parts draw of what a real Prometheus scraped from the real exporter. It takes as long as the
scene, npm and a Chromium, and is no part of any test run.
"""

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from grafana.pictures.scene import MINUTES, Scene
from grafana.pictures.stage import Stage

HERE = Path(__file__).parent
PICTURES = HERE.parents[1] / "docs" / "pictures"
# The first rates need a few scrapes.
RISE_SECONDS = 30.0


def main(minutes: float) -> None:
    # Whatever ends it must not leave the scene's programs behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _build()
    with TemporaryDirectory(prefix="leadsquared-exporter-pictures-") as folder, ExitStack() as stack:
        stage = Stage(Path(folder), stack)
        stage.start()
        started = time.time()
        asyncio.run(Scene(stage).act(minutes * 60))
        photograph(stage.url("prometheus"), started + RISE_SECONDS, time.time())


def photograph(prometheus: str, start: float, end: float, folder: Path = PICTURES) -> None:
    names = sorted(path.stem for path in HERE.parent.glob("*.json"))
    times = (str(int(start)), str(int(end)))
    subprocess.run(("node", "shoot.mjs", prometheus, *times, str(folder), "light", *names), cwd=HERE, check=True)


def _build() -> None:
    """Before the scene, which should not be waited for in vain."""
    subprocess.run(("npm", "install", "--silent"), cwd=HERE, check=True)
    subprocess.run(("npm", "exec", "--", "vite", "build"), cwd=HERE, check=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES)
