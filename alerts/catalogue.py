"""Every alert, by what it is about."""

from typing import Final

from alerts import accounts, updates, watch
from alerts.alert import Alert
from alerts.thresholds import STANDARD, Thresholds


def catalogue(thresholds: Thresholds) -> dict[str, tuple[Alert, ...]]:
    return {
        "updates": updates.alerts(thresholds),
        "accounts": accounts.alerts(thresholds),
        "exporter": watch.alerts(thresholds),
    }


ALERTS: Final = tuple(alert for group in catalogue(STANDARD).values() for alert in group)
