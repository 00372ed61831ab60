"""References: nothing may bring one where they are not allowed."""

from collections.abc import Iterable

from exporter.config.problem import Problems
from exporter.config.shapes import Item

_NEEDED = "needs references: true"


def check(sources: Iterable[Item], problems: Problems) -> None:
    """What asks for them although they are off. What others hand in is refused when it comes."""
    for source in sources:
        if source.given("reference_header"):
            problems.add(source.keys["reference_header"], source.path_of("reference_header"), _NEEDED)
        if "pattern" in source.values and "reference" in source.values["pattern"].groupindex:
            problems.add(
                source.place("pattern"), source.path_of("pattern"), f"has the group reference, which {_NEEDED}"
            )
