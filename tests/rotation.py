"""The real logrotate, and an application that writes while it works."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread

LOGROTATE = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin") or "logrotate"
COPIES = "copytruncate"


class Application:
    """Writes a line, and opens its log anew for each, as one does that is told to; or goes on in the file that it has open
    where that is copied and truncated. It holds still only while a copy is made: what is written then, logrotate loses."""

    def __init__(self, log: Path, *, holds: bool) -> None:
        self.log = log
        self.holds = holds
        self.written: list[str] = []
        self.still = Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = Event()
        thread = Thread(target=self._write, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _write(self, stop: Event) -> None:
        held = self.log.open("a", buffering=1) if self.holds else None
        while not stop.wait(0.0005):
            with self.still:
                request_id = f"{len(self.written)}-{time.time_ns()}"
                line = f"POST /leads RequestID={request_id} {'x' * 80}\n"
                if held is not None:
                    held.write(line)
                else:
                    with self.log.open("a") as file:
                        file.write(line)
                self.written.append(request_id)
        if held is not None:
            held.close()


class Logrotate:
    """Rotates at every call."""

    def __init__(self, folder: Path, log: Path, directives: str) -> None:
        self._configuration = folder / "logrotate.conf"
        self._is_dated = "dateext" in directives
        self._second = 0
        self._state = folder / "logrotate.state"
        self._configuration.write_text(f"{log} {{\n rotate 50\n missingok\n" + directives.replace(";", "\n") + "\n}\n")
        self._configuration.chmod(0o644)

    def __call__(self) -> None:
        # A date is told in seconds, by a clock that is a little late; logrotate leaves a file alone whose new name is taken.
        while time.time() < self._second + 1.1:
            time.sleep(0.01)
        command = (LOGROTATE, "--force", f"--state={self._state}", str(self._configuration))
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        self._second = int(time.time()) if self._is_dated else 0
        # The application may be quicker to make the new file, which logrotate takes for an error.
        assert not done.returncode or "File exists" in done.stderr, done.stderr
