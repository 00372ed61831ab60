"""Every alert, by what it is about."""

from typing import Final

from alerts import accounts, updates, watch
from alerts.alert import Alert, Setup
from alerts.site import Site
from alerts.thresholds import STANDARD, Thresholds


def catalogue(thresholds: Thresholds, site: Site | None = None) -> dict[str, tuple[Alert, ...]]:
    setup = Setup(thresholds, site or Site())
    return {
        "updates": updates.alerts(setup),
        "accounts": accounts.alerts(setup),
        "exporter": watch.alerts(setup),
    }


ALERTS: Final = tuple(alert for group in catalogue(STANDARD).values() for alert in group)
