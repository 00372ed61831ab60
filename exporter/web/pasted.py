"""What people paste into the search: a RequestID as a log, an answer, a URL or a spreadsheet has it."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from exporter.core.request import REFERENCE, REQUEST_ID

# A piece of an answer, or a URL; it is not meant for whole logs.
LONGEST: Final = 4096
RULE: Final = (
    "must be a RequestID, a reference or the beginning of one (1 to 128 characters of A-Z a-z 0-9 . _ : / # -), or a text "
    "with a RequestID in it"
)
# Whatever stands around a name or a value: quotes, escaped ones too, brackets, and what ends a line of code.
_AROUND = " \t\r\n\\\"'`{}()[]<>,;"
_QUOTES = r"[\\\"'`{(\[<\s]*"
_NAMED = re.compile(
    rf"(?:request[_ -]?id[\\\"'`]*\s*[=:]|/requests/|urn:uuid:){_QUOTES}(?P<id>{REQUEST_ID.pattern})", re.IGNORECASE
)
# Word processors make other dashes of dashes.
_DASH = r"[\s\-\u2010-\u2015]?"
_UUID = re.compile(
    rf"(?<![0-9a-z]){_DASH.join(f'[0-9a-f]{{{count}}}' for count in (8, 4, 4, 4, 12))}(?![0-9a-z])", re.I
)
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{9,32}")
_PARTS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))


def name(text: str) -> str | None:
    """The RequestID or the reference that is meant, or its beginning; None where there is none."""
    text = unquote(text).strip(_AROUND)
    if (named := _NAMED.search(text)) is not None:
        # What follows the name may be spelled with other dashes.
        after = _UUID.match(text, named.start("id"))
        return _plain(after[0]) if after else named["id"]
    uuid = _UUID.search(text)
    # A URL is made of the characters of a reference.
    if REFERENCE.fullmatch(text) and not (uuid and "://" in text):
        return text
    return _plain(uuid[0]) if uuid else None


def spellings(name: str) -> Iterator[str]:
    """As it is, and as it may have come in: systems write the same UUID in either case, with dashes and without. What looks like a
    reference may be a RequestID with something before it."""
    uuid = _UUID.search(name)
    plain = uuid[0] if uuid else name
    dashed = _dashed(plain) if uuid or _HEXADECIMAL.fullmatch(plain) else plain
    yield from dict.fromkeys((name, dashed.lower(), dashed.upper()))


def _plain(uuid: str) -> str:
    return uuid if REQUEST_ID.fullmatch(uuid) else _dashed(uuid)


def _dashed(uuid: str) -> str:
    digits = re.sub(r"[^0-9A-Fa-f]", "", uuid)
    return "-".join(part for first, last in _PARTS if (part := digits[first:last]))
