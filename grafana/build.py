"""The dashboards as code: `python -m grafana.build overview > grafana/leadsquared-exporter.json`, and so on; `make docs` does it. A
second argument is the address of the exporter's pages, as a browser reaches them; `make dashboards EXPORTER=https://…` gives it.

Plain typed Python. Grafana's own builders, the grafana-foundation-sdk, take a wrong width or an unknown key without a word,
so the JSON has to be held to the types that Grafana publishes anyhow (tests/grafana); what is left to a builder is smaller
than the code that calls it.
"""

import json
import sys
from collections.abc import Sequence
from typing import Final

from grafana.account import ACCOUNTS
from grafana.dashboard import EXPORTER, Dashboard
from grafana.internals import INTERNALS
from grafana.overview import OVERVIEW

DASHBOARDS: Final[dict[str, Dashboard]] = {"overview": OVERVIEW, "account": ACCOUNTS, "internals": INTERNALS}


def text(dashboard: Dashboard, *, exporter: str = EXPORTER) -> str:
    return json.dumps(dashboard.json(exporter=exporter), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> str:
    name, *rest = arguments
    return text(DASHBOARDS[name], exporter=rest[0] if rest else EXPORTER)


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
