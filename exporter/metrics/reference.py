"""docs/metrics.md, out of the declaration: `python -m exporter.metrics.reference > docs/metrics.md`."""

import sys

from exporter.metrics.families import FAMILIES, Family

HEAD = """# Metrics

Generated from `exporter/metrics/families.py`. A family marked *durable* goes on across restarts of the exporter; the others
start again at 0. No label ever holds a RequestID, a lead's data or free text; RequestIDs appear as exemplars of the duration
histogram in the OpenMetrics format.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def reference() -> str:
    return HEAD + "".join(_row(family) for family in FAMILIES)


def _row(family: Family) -> str:
    labels = ", ".join(family.labels) or "–"
    durable = ", *durable*" if family.durable is not None else ""
    return f"| `{family.name}` | {family.kind}{durable} | {labels} | {family.help} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
