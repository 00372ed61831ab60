"""Where the rules are loaded: which exporters they are about, what tells those apart, and where their pages are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from exporter.metrics.families import Family

# Of a scraped sample, whatever the scraper adds besides, such as `node`: what there is one application for …
LABELS: Final = ("cluster", "namespace", "job")
# … and what there is one process for. Both change whenever a pod is replaced.
PROCESS: Final = ("instance", "pod")
EXPORTER: Final = "http://localhost:10040"
# Where a page stands in the base of the runbooks.
PAGE: Final = "{alert}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`selector` narrows every sample by labels of the target, such as 'job="leadsquared"'. `labels` are kept beside those of
    what an alert is about. `exporter` is where the exporter's pages are, and `runbooks` where the runbooks are: those that the
    exporter itself serves, unless given; `{alert}` in it stands for the alert's name."""

    selector: str = ""
    labels: tuple[str, ...] = LABELS
    exporter: str = EXPORTER
    runbooks: str = ""

    def samples(self, family: Family | str, matchers: str = "", *, window: str = "", suffix: str = "") -> str:
        """Those of a family, or of a name that is not ours, now or over a window."""
        name = family if isinstance(family, str) else family.name
        inside = ",".join(part for part in (self.selector, matchers) if part)
        return f"{name}{suffix}" + (f"{{{inside}}}" if inside else "") + (f"[{window}]" if window else "")

    def process(self, operator: str, vector: str, *labels: str) -> str:
        """In each process by itself: what excuses one is no excuse for another."""
        return f"{operator} by ({', '.join((*self.labels, *PROCESS, *labels))}) ({vector})"

    def all(self, operator: str, vector: str, *labels: str) -> str:
        """Over the processes of an application."""
        lines = "\n" in vector
        inner = f"(\n{_indented(vector)}\n)" if lines else f"({vector})"
        return f"{operator} by ({', '.join((*self.labels, *labels))}) {inner}"

    def level(self, family: Family, *labels: str, matchers: str = "", operator: str = "max") -> str:
        """A gauge now, in each process."""
        return self.process(operator, self.samples(family, matchers), *labels)

    def same(self, *labels: str) -> str:
        """The same process, and what `labels` say."""
        return f"on ({', '.join((*self.labels, *PROCESS, *labels))})"

    def same_application(self, *labels: str) -> str:
        return f"on ({', '.join((*self.labels, *labels))})"

    def page(self, path: str) -> str:
        return f"{self.exporter.rstrip('/')}{path}"

    def runbook(self, alert: str) -> str:
        base = self.runbooks or self.page("/runbooks")
        return base.replace(PAGE, alert) if PAGE in base else f"{base.rstrip('/')}/{alert}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def without(vector: str, *excuses: tuple[str, str]) -> str:
    """`vector` but where an excuse is: how each is joined, and what it is."""
    return vector + "".join(f"\nunless {how}\n{what}" for how, what in excuses)


def both(*vectors: str) -> str:
    return "\nand\n".join(vectors)


def kept(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels of a site, with more of them."""
    return tuple(dict.fromkeys((*LABELS, *labels)))
