"""What an alert is, whoever evaluates it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "LeadSquared"
# Put the address of your copy before it where alerts are to link to the pages.
RUNBOOKS: Final = "docs/runbooks"
# What most of them are about, as labels and as text.
API: Final = ("account", "api")
OF: Final = "{{ $labels.api }} of {{ $labels.account }}"
COUNT: Final = '{{ $value | printf "%.0f" }}'


class Severity(StrEnum):
    """Critical: updates are being lost or nobody is watching, so wake somebody. Warning: look into it today."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`expression` has a sample for each trouble, and none without; it must last `hold` seconds. `summary` and `description`
    are templates of Prometheus with $labels and $value."""

    name: str
    severity: Severity
    expression: str
    hold: float
    summary: str
    description: str

    @property
    def runbook(self) -> str:
        return f"{RUNBOOKS}/{self.name}.md"

    @property
    def key(self) -> str:
        """An alert of two severities is two rules."""
        return f"{self.name}-{self.severity}"
