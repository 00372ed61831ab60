"""Label values out of the vendor's words: bounded, lower snake case, never free text."""

import re
from collections.abc import Collection, Iterable

from exporter.core.request import NO_STEP, OTHER

MAX_STEPS = 20
_LABEL = re.compile(r"[a-z0-9_]{1,64}")
_SEPARATORS = re.compile(r"[\s\-]+")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(words: str) -> str:
    """`In-Process-Queue` becomes in_process_queue; what does not look like a word of a protocol becomes other."""
    text = _SEPARATORS.sub("_", words.strip())
    if not text.isupper():
        text = _HUMPS.sub("_", text)
    text = text.lower()
    return text if _LABEL.fullmatch(text) else OTHER


class Vocabulary:
    """The first `limit` distinct words that were met; any further one is `other`. Those in `free` take no place."""

    def __init__(self, limit: int, known: Iterable[str] = (), *, free: Collection[str] = (NO_STEP, OTHER)) -> None:
        self._limit = limit
        self._free = free
        self._words: set[str] = set()
        for word in known:
            self.label(word)

    def label(self, word: str) -> str:
        if word in self._words or word in self._free:
            return word
        if len(self._words) >= self._limit:
            return OTHER
        self._words.add(word)
        return word
