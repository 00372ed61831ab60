"""How far a source has read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Everything before `position` in one part of what a source reads (a file, a table) was taken in.

    Both texts mean something to the source alone. `position` None forgets the part.
    """

    source: str
    part: str
    position: str | None
