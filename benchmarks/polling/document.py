"""The tables and pictures in docs/."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.polling import table
from benchmarks.polling.pictures import PICTURES
from benchmarks.polling.table import Row

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True, slots=True)
class Tables:
    """`scales` are (what, bytes a request, microseconds a pick) at a million unfinished requests."""

    rows: Sequence[Row]
    scales: Sequence[tuple[str, float, float]]

    def text(self) -> str:
        parts = ["### Detection delay\n", self._missed(), table.delays(self.rows)]
        if any(one.fewest is not None for one in self.rows):
            parts += ["### Polls at light load\n", table.light(self.rows)]
        parts += ["### Error of the durations\n", table.durations(self.rows)]
        if self.scales:
            head = ("", "bytes each", "to reach", "us a pick", "to reach")
            lines = [(what, f"{size:.0f}", "<= 350", f"{picking:.0f}", "<= 100") for what, size, picking in self.scales]
            parts += ["### A million unfinished requests\n", table.markdown(head, lines)]
        return "\n".join(parts)

    def _missed(self) -> str:
        verdicts = [verdict for one in self.rows for verdict in one.verdicts()]
        missed = sum(len(one.missed()) for one in self.rows)
        return f"{len(verdicts) - missed} of {len(verdicts)} targets are met.\n"


def write(tables: Tables, *, seeds: int) -> None:
    folder = DOCS / "pictures"
    folder.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (folder / f"{name}.svg").write_text(str(draw(tables.rows)), "utf-8")
    replace("bench-polling", f"Means over {seeds} seeds.\n\n{tables.text()}")


def replace(made_by: str, text: str) -> None:
    """Put a part into docs/benchmarks.md in place of what was made by the same before."""
    begin, end = (f"<!-- made by `make {made_by}`: {edge} -->\n" for edge in ("begin", "end"))
    page = DOCS / "benchmarks.md"
    before, _, rest = page.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}{end}{after}", "utf-8")
