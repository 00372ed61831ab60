"""A path as it may be told: keys, ids and tokens stand in paths too, and only what looks like a word is shown."""

import re
from urllib.parse import unquote

HIDDEN = "…"
_LONGEST_PATH = 1024
_MOST_SEGMENTS = 12
_LONGEST_SEGMENT = 40
_LONGEST_WORD = 16
_VERSION = re.compile(r"[vV]?[0-9]{1,2}")
_WORDS = re.compile(r"[A-Za-z]+([._-][A-Za-z]+){0,3}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_UNSPEAKABLE = re.compile(r"[^aeiouy._-]{6}", re.IGNORECASE)
# In words of mixed case there is a capital at the beginning of each; in keys it is anywhere.
_SHORTEST_ON_AVERAGE = 2.3


def masked(path: str) -> tuple[str, ...] | None:
    """The segments of a path, HIDDEN in place of those that may be keys; None where it is too long to be told."""
    if len(path) > _LONGEST_PATH:
        return None
    parts = [unquote(part) if "%" in part else part for part in path.split("/") if part]
    return tuple(part if is_plain(part) else HIDDEN for part in parts) if len(parts) <= _MOST_SEGMENTS else None


def is_plain(segment: str) -> bool:
    """A version, or words as they are in the paths of an API. What is no word for sure is not told."""
    if _VERSION.fullmatch(segment):
        return True
    if len(segment) > _LONGEST_SEGMENT or not _WORDS.fullmatch(segment) or _UNSPEAKABLE.search(segment):
        return False
    lengths = [len(word.group()) for word in _WORD.finditer(segment)]
    return max(lengths) <= _LONGEST_WORD and sum(lengths) >= _SHORTEST_ON_AVERAGE * len(lengths)
