"""`python -m exporter` is `leadsquared-exporter`."""

import sys

from exporter import signals


def main() -> int:
    # What comes while the rest is imported must not end the process in the default way.
    signals.PROCESS.catch()
    from exporter.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
