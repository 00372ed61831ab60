"""An application that submits updates, as any client of LeadSquared does: its base URL and its key are all that it is told."""

import os
import signal
import sys
import time
import urllib.request
from pathlib import Path
from random import Random

PATHS = ("/lead/update", "/activity/create")
TIMEOUT_SECONDS = 60.0


def main() -> None:
    # The first process of a container is not ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    url = os.environ["LEADSQUARED_URL"]
    key = Path(os.environ["LEADSQUARED_KEY_FILE"]).read_text("utf-8").strip()
    rate = float(os.environ["UPDATES_PER_SECOND"])
    random = Random()  # noqa: S311  (an arrival process, not a secret)
    while True:
        time.sleep(random.expovariate(rate))
        submit(url + random.choice(PATHS), key)


def submit(url: str, key: str) -> None:
    request = urllib.request.Request(url, b"[]", {"x-api-key": key, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            answer.read()
    except OSError as error:
        print(f"{url}: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
