"""RequestIDs lost when the exporter is killed (-9) again and again while an application submits through its gateway.

`python -m benchmarks.gateway_kills [--submissions 10000] [--kills 20]`. Lost is a RequestID whose answer reached the application
and that the store does not have.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.e2e.submissions import submit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--submissions", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = submit(Path(folder), submissions=given.submissions, kills=given.kills)
    print(
        f"{len(found.answered):,} answers, {found.kills} kills, {found.errors:,} clean errors, {len(found.odd)} odd answers"
    )
    print(f"lost: {len(found.lost)}")
    return 1 if found.lost or found.odd else 0


if __name__ == "__main__":
    sys.exit(main())
