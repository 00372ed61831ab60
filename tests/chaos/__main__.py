"""`python -m tests.chaos --seed N [--minutes M]`: one round, or rounds of the seeds from N on for so long."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from tests.chaos.round import SECONDS, play

KEPT = Path("build/chaos")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sources", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="of the first round; the next one has the next seed")
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="begin another round until then (default: one round)"
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of load in a round (default %(default)g)")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="WAY", help="the ways in that take part (default: all)"
    )
    options = parser.parse_args()
    # SIGTERM ends a round as Ctrl-C does: everything that was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return asyncio.run(_run(options))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


async def _run(options: argparse.Namespace) -> int:
    """The exit status."""
    end = time.monotonic() + 60.0 * options.minutes
    failed: list[int] = []
    rounds = 0
    while not rounds or time.monotonic() < end:
        report = await play(options.seed + rounds, seconds=options.seconds, only=options.only, kept=KEPT)
        print(report, flush=True)
        failed += [report.seed] if report.problems else []
        rounds += 1
    print(f"{rounds} rounds, {len(failed)} with problems{f': seeds {failed}; logs in {KEPT}' if failed else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
