"""Paths of calls, and patterns of them, compared whatever way they are written.

Case, slashes at the end, doubled slashes and percent-encoding make no difference. A server that does make one answers an
error then, and an error is no submission and no status.
"""

from urllib.parse import unquote

Segments = tuple[str, ...]


def segments(path: str) -> Segments:
    """What stands between the slashes of any path, in one spelling. An encoded slash is part of its segment."""
    parts = path.lower().split("/")
    return tuple(unquote(part).lower() if "%" in part else part for part in parts if part)


class Pattern:
    """A path in which `*` stands for any part of one segment, nothing included. `literal`: it has none."""

    __slots__ = ("_parts", "literal", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        # Parted by the stars before anything is decoded: an encoded star is one to be found.
        self._parts = [tuple(unquote(piece).lower() for piece in part.split("*")) for part in text.split("/") if part]
        self.literal = all(len(pieces) == 1 for pieces in self._parts)

    @property
    def key(self) -> object:
        """The same for patterns that match the same, however they are written."""
        return tuple(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def matches(self, found: Segments) -> bool:
        return len(found) == len(self._parts) and all(map(_fits, self._parts, found))


def _fits(pieces: tuple[str, ...], segment: str) -> bool:
    """One pass over the segment, whatever the number of stars."""
    first, *rest = pieces
    if not rest:
        return segment == first
    *middle, last = rest
    start, end = len(first), len(segment) - len(last)
    if start > end or not segment.startswith(first) or not segment.endswith(last):
        return False
    for piece in middle:
        place = segment.find(piece, start, end)
        if place < 0:
            return False
        start = place + len(piece)
    return True
