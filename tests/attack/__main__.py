"""`python -m tests.attack --seed N --minutes M`: attack the client with the answers of this seed for so long."""

import argparse
import logging
import sys

from tests.attack.assault import attack
from tests.loops import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0, help="default: %(default)g")
    options = parser.parse_args()
    # What the exporter says of each answer is no finding.
    logging.disable()
    tally = run(attack(options.seed, options.minutes * 60.0))
    print(f"{tally.calls} calls, the slowest took {tally.slowest:.1f} s, memory grew by {tally.grown:.1f} MiB")
    for outcome, times in tally.outcomes.most_common():
        print(f"{times:8} {outcome}")
    for finding in tally.findings:
        print(finding)
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
