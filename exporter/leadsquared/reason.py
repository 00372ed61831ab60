"""A StatusReason, which is free text and may quote lead data, reduced to one word."""

import re

_EXCEPTION = re.compile(r"\bMX[A-Za-z]{1,60}Exception\b")

# In this order; the first that is found gives the word.
_RULES = (
    ("retries_exhausted", re.compile(r"maximum retr|retry attempts|retries exhausted", re.IGNORECASE)),
    ("rate_limited", re.compile(r"rate limit|exceeded the limit", re.IGNORECASE)),
    ("timeout", re.compile(r"time[d -]*out", re.IGNORECASE)),
    ("database", re.compile(r"\bDB\b|database", re.IGNORECASE)),
    ("connection", re.compile(r"connect", re.IGNORECASE)),
    ("duplicate", re.compile(r"duplicate|already exists", re.IGNORECASE)),
    ("invalid", re.compile(r"invalid|mandatory|required|does not exist", re.IGNORECASE)),
)

NONE = "none"
OTHER = "other"
WORDS = (NONE, *(word for word, _ in _RULES), OTHER)


def exception_name(text: str) -> str | None:
    """The name of the vendor's exception in a text, such as MXDuplicateEntryException."""
    found = _EXCEPTION.search(text)
    return None if found is None else found.group()


def reduce(text: object) -> str:
    """The exception's name if the text has one, else the word of the first rule that fits, else other; none for no text."""
    if not isinstance(text, str) or not text.strip():
        return NONE if text is None or isinstance(text, str) else OTHER
    name = exception_name(text)
    if name is not None:
        return name
    return next((word for word, rule in _RULES if rule.search(text)), OTHER)
