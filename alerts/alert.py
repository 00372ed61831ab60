"""What an alert is, whoever evaluates it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alerts.site import LABELS, Site
from alerts.thresholds import Number, Thresholds

PREFIX: Final = "LeadSquared"
# What most of them are about, as labels and as text.
API: Final = ("account", "api")
OF: Final = "{{ $labels.api }} of {{ $labels.account }}"
COUNT: Final = '{{ $value | printf "%.0f" }}'
AT_ONCE: Final = Number(0.0)
# The exporter's pages, where an alert can say which of them.
HOME: Final = "/"
OF_ACCOUNT: Final = "/accounts/{{ $labels.account }}"


class Severity(StrEnum):
    """Critical: updates are being lost or nothing watches them, so wake an operator. Warning: look into it today. Ticket: look
    into it this week."""

    CRITICAL = "critical"
    WARNING = "warning"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Setup:
    """What an alert is made with."""

    thresholds: Thresholds
    site: Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`expression` has a sample for each trouble, and none without; it must last for `hold`. `summary` and `description` are
    templates of Prometheus with $labels and $value, and so are `details`, which ask Prometheus for more. `page` is the path of
    the exporter's page that lists what it is about. `silent` says when it does not fire, on purpose. `every` is how
    often it is evaluated, where that is more seldom than others."""

    name: str
    severity: Severity
    expression: str
    hold: Number
    summary: str
    description: str
    silent: str
    every: Number = AT_ONCE
    page: str = HOME
    details: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """An alert of several severities is several rules."""
        return f"{self.name}-{self.severity}"


def listed(**filters: str) -> str:
    """The path of the list of requests of an alert's account and API."""
    chosen = "&".join(f"{name}={value}" for name, value in filters.items())
    return f"/requests?{chosen}&account={{{{ $labels.account }}}}&api={{{{ $labels.api }}}}"


def detail(text: str, query: str, *, form: str, labels: tuple[str, ...] = API) -> str:
    """`text` with what `query` gives in place of `{}`, and nothing at all where it gives no sample. `%s` in the query stands for
    what the alert is about; `form` is a function of Prometheus' templates."""
    names = (*labels, *LABELS)
    matchers = ",".join(f"{name}=%q" for name in names)
    arguments = " ".join(f"$labels.{name}" for name in names)
    # The matchers may stand there several times, and printf takes its arguments by number.
    numbered = matchers
    for number in range(len(names)):
        numbered = numbered.replace("%q", f"%[{number + 1}]q", 1)
    filled = query.replace("%s", numbered)
    value = f"{{{{ . | first | value | {form} }}}}"
    return f"{{{{ with printf `{filled}` {arguments} | query }}}} {text.replace('{}', value)}{{{{ end }}}}"
