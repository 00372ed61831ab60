"""The rules as Prometheus reads them: `python -m alerts.rules > alerts/leadsquared-exporter.rules.yaml`; `--help` lists what can
be given to it, and `make rules` does it."""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from alerts.alert import Alert
from alerts.catalogue import catalogue
from alerts.document import write
from alerts.expressions import EXPRESSIONS, Expression
from alerts.site import EXPORTER, LABELS, Site, kept
from alerts.thresholds import STANDARD, Number, Thresholds
from exporter.config.duration import parse

NAME: Final = "leadsquared-exporter"
# What the chart puts its values in place of.
CHART_SITE: Final = Site(
    selector="<<selector>>", labels=(*LABELS, "<<labels>>"), exporter="<<exporter>>", runbooks="<<runbooks:{alert}>>"
)
_LABEL: Final = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")


def rules(thresholds: Thresholds = STANDARD, site: Site | None = None) -> str:
    """The content of a rule file; other thresholds give the same rules with other numbers."""
    site = site or Site()
    return write({"groups": list(_groups(thresholds, site))}, module=__package__)


def _groups(thresholds: Thresholds, site: Site) -> Iterator[dict[str, Any]]:
    yield {"name": f"{NAME}.recording", "rules": [_recorded(one, site) for one in EXPRESSIONS]}
    for group, every, alerts in grouped(catalogue(thresholds, site)):
        seldom = {"interval": every.span} if every.value else {}
        yield {"name": f"{NAME}.{group}", **seldom, "rules": [_alerting(one, thresholds, site) for one in alerts]}


def grouped(alerts: Mapping[str, Sequence[Alert]]) -> Iterator[tuple[str, Number, list[Alert]]]:
    """Name, interval and alerts of each group. What is evaluated more seldom than others needs one of its own."""
    for group, several in alerts.items():
        by_interval: dict[Number, list[Alert]] = {}
        for alert in several:
            by_interval.setdefault(alert.every, []).append(alert)
        for every, some in by_interval.items():
            yield (f"{group}.{every.span}" if every.value else group), every, some


def _recorded(expression: Expression, site: Site) -> dict[str, Any]:
    labels = {"labels": expression.extra_labels} if expression.extra_labels else {}
    promql = expression.promql(selector=site.selector, by=(*site.labels, *expression.labels))
    return {"record": expression.record, "expr": promql, **labels}


def _alerting(alert: Alert, thresholds: Thresholds, site: Site) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        **({"for": alert.hold.span} if alert.hold.value else {}),
        "keep_firing_for": lingering(alert, thresholds).span,
        "labels": {"severity": str(alert.severity)},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description + "".join(alert.details),
            "list_url": site.page(alert.page),
            "runbook_url": site.runbook(alert.name),
        },
    }


def lingering(alert: Alert, thresholds: Thresholds) -> Number:
    """Longer than its group takes to be evaluated again, or it would not linger at all."""
    return thresholds.linger_days if alert.every == thresholds.every_days else thresholds.linger


def _site(given: argparse.Namespace) -> Site:
    return Site(
        selector=given.selector, labels=kept(given.label), exporter=given.exporter_url, runbooks=given.runbooks_url
    )


def _thresholds(given: argparse.Namespace) -> Thresholds:
    thresholds = STANDARD.changed(**dict(given.set))
    return thresholds if given.hasten == 1.0 else thresholds.hastened(given.hasten)


def _threshold(text: str) -> tuple[str, float]:
    """`stale=90m`, `refused=0.02`."""
    name, _, value = text.partition("=")
    if name not in asdict(STANDARD):
        raise argparse.ArgumentTypeError(f"no number {name!r}; docs/alerts.md lists them")
    unit = next(one.metadata["unit"] for one in fields(STANDARD) if one.name == name)
    try:
        return name, parse(value) if unit == "s" else float(value)
    except ValueError:
        what = "a duration such as 45m" if unit == "s" else "a number such as 0.05"
        raise argparse.ArgumentTypeError(f"{name} must be {what}") from None


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise argparse.ArgumentTypeError(f"no label: {text!r}")
    return text


def arguments(command: str) -> argparse.ArgumentParser:
    """What both ways to write the alerts take."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {command}", description="Prints the alerts, with your own numbers."
    )
    parser.add_argument(
        "--exporter-url", default=EXPORTER, metavar="URL", help="where the exporter's pages are: its --web.external-url"
    )
    parser.add_argument(
        "--runbooks-url",
        default="",
        metavar="URL",
        help="where the runbooks are, {alert} for the name; by default those that the exporter serves",
    )
    parser.add_argument("--selector", default="", metavar="MATCHERS", help='of the targets, such as job="leadsquared"')
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        type=_label,
        metavar="NAME",
        help="a label of the targets that parts applications",
    )
    parser.add_argument(
        "--set", action="append", default=[], type=_threshold, metavar="NAME=VALUE", help="a number of docs/alerts.md"
    )
    parser.add_argument("--hasten", type=float, default=1.0, metavar="FACTOR", help="on a faster clock, to show them")
    return parser


def chosen(given: argparse.Namespace) -> tuple[Thresholds, Site]:
    return _thresholds(given), _site(given)


def main(given: Sequence[str]) -> str:
    parser = arguments("alerts.rules")
    parser.add_argument("--chart", action="store_true", help="with places for the values of the chart")
    known = parser.parse_args(given)
    if known.chart:
        return rules(STANDARD.marked(), CHART_SITE)
    return rules(*chosen(known))


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
