"""All benchmarks, or those named: `python -m benchmarks [NAME …]`."""

import subprocess
import sys

NAMES = (
    "intake_store",
    "intake_http",
    "log_tail",
    "intake_redis",
    "intake_sql",
    "pending",
    "exposition",
    "sidecar",
    "polls",
    "scrape",
    "gateway",
    "gateway_kills",
)


def main() -> int:
    unknown = [name for name in sys.argv[1:] if name not in NAMES]
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    status = 0
    for name in sys.argv[1:] or NAMES:
        print(f"\n== {name}", flush=True)
        status |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
