"""RequestIDs in lines."""

import re
from dataclasses import dataclass, field
from itertools import accumulate

from exporter.core.request import REQUEST_ID
from exporter.errors import InvalidEntry
from exporter.sources import groups
from exporter.sources.groups import LeftOut, Messages, Terms
from exporter.sources.log.opened import LONGEST_LINE, Lines
from exporter.sources.mistakes import MOST_SHOWN, length
from exporter.sources.source import Entry

GROUP = "request_id"


@dataclass(slots=True)
class Findings:
    """What was found in some lines. `refusals` tells the first of what does not fit, and where it stands; `refused` counts."""

    entries: list[Entry] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    refused: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)

    def refuse(self, what: str) -> None:
        self.refused += 1
        if len(self.refusals) < MOST_SHOWN:
            self.refusals.append(what)


class Matcher:
    """Applies a regular expression to each line alone, whatever it says of line breaks. Every match is a request."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._plain = pattern.groups == 1

    def find(self, name: str, lines: Lines, terms: Terms, findings: Findings) -> None:
        if lines.too_long:
            findings.refuse(f"{name}: byte {lines.start}: a line of more than {LONGEST_LINE} bytes is passed over")
        messages, target, fits = Messages(terms), groups.target(terms), REQUEST_ID.fullmatch
        places = _Places(lines)
        for number, text in enumerate(_texts(lines.data)):
            # Nearly all patterns have one group and nearly all RequestIDs fit: then no match has to be looked at.
            if self._plain and target is not None and all(map(fits, found := self._pattern.findall(text))):
                findings.entries += [Entry(one, *target, None, name) for one in found]
                continue
            for match in self._pattern.finditer(text):
                if match[GROUP] is not None:
                    _take_fields(match, f"{name}: byte {places.of(number)}", messages, findings)
        findings.left_out.join(messages.left_out)


def _take_fields(match: re.Match[str], where: str, messages: Messages, findings: Findings) -> None:
    fields = {name: text for name, text in match.groupdict().items() if text is not None}
    if not REQUEST_ID.fullmatch(fields[GROUP]):
        # The text is not repeated: a pattern that catches too much may catch a lead's data.
        findings.refuse(f"{where}: {GROUP}: {groups.ID_RULE}, got {length(fields[GROUP])}")
        return
    try:
        findings.entries.append(messages.fields(fields, where))
    except InvalidEntry as error:
        findings.refuse(f"{where}: {'; '.join(error.details)}")


def _texts(data: bytes) -> list[str]:
    """Bytes that are not UTF-8 are replaced: they may stand beside a RequestID."""
    text = data.decode(errors="replace").removesuffix("\n")
    return (text.replace("\r\n", "\n").removesuffix("\r") if "\r" in text else text).split("\n")


class _Places:
    """At which byte of the file each line begins, counted once and only where it is asked for."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._starts: list[int] = []

    def of(self, number: int) -> int:
        if not self._starts:
            sizes = (len(line) + 1 for line in self._lines.data.split(b"\n"))
            self._starts = list(accumulate(sizes, initial=self._lines.start))
        return self._starts[number]
