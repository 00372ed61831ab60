"""The format in which RequestIDs are handed in: a list of groups, or one RequestID a line.

    [{"request_ids": ["…", {"request_id": "…", "submitted_at": "2026-01-31T12:00:00Z"}], "account": "acme", "api": "lead_update"}]

A single group may stand without the list. All mistakes are found, and with one mistake nothing is taken.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.core.request import REFERENCE, REQUEST_ID
from exporter.leadsquared.endpoints import DEFAULT_API
from exporter.sources import document, moment
from exporter.sources.document import child
from exporter.sources.mistakes import MOST_SHOWN, Mistakes, length, with_lines
from exporter.sources.source import Entry

# Clocks differ a little; a submission that lies further ahead is a mistake, such as local time given as UTC.
FURTHEST_AHEAD = 300.0
# In the order in which they are told.
_GROUP_KEYS = dict.fromkeys(("request_ids", "account", "api"))
_REFERENCE = "reference"
_ENTRY_KEYS = dict.fromkeys(("request_id", "submitted_at"))
_REFERENCED_KEYS = dict.fromkeys((*_ENTRY_KEYS, _REFERENCE))
_TARGET_KEYS = ("account", "api")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_]{1,64}")
_MOST_NAMES = 10

ID_RULE = "must be 1 to 128 characters of A-Z a-z 0-9 . _ -"
REFERENCE_RULE = "must be 1 to 128 characters of A-Z a-z 0-9 . _ : / # -"
REFERENCES_OFF = "is refused unless references: true stands in the configuration"
_TIME_RULE = "must be RFC 3339 with an offset, such as 2026-01-31T12:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What groups are checked against.

    `apis` are the configured APIs by account; `account` and `api` are what a group that names none gets; `now` is in
    seconds since the epoch. `references` tells whether requests may carry one. `file` is the name of the file for error messages,
    which then tell the line too.
    """

    apis: Mapping[str, Collection[str]]
    now: float
    references: bool = False
    account: str | None = None
    api: str | None = None
    file: str | None = None


def parse_json(body: bytes, terms: Terms) -> list[Entry]:
    """Raises InvalidEntry, and nothing else whatever the bytes are."""
    text = document.decode(body)
    return _checked(document.read_json(text), text, _Reader(terms))


def parse_yaml(body: bytes, terms: Terms) -> list[Entry]:
    """Raises InvalidEntry, and nothing else whatever the bytes are."""
    text = document.decode(body)
    return _checked(document.read_yaml(text), text, _Reader(terms))


def parse_text(body: bytes, terms: Terms) -> list[Entry]:
    """One RequestID a line, with the time of its submission after a blank where that is known. Empty lines are skipped.

    Raises InvalidEntry, and nothing else whatever the bytes are.
    """
    lines = document.decode(body).split("\n")
    reader = _Reader(terms)
    target = reader.target({}, "")
    entries = [
        Entry(request_id=request_id, account=target[0], api=target[1], submitted=submitted, where=where)
        for request_id, submitted, where in reader.lines(lines)
    ]
    if not reader.mistakes.count:
        return entries
    if terms.file is None:
        raise reader.mistakes.refusal()
    raise reader.mistakes.refusal(lambda path, what: f"{terms.file}:{path.removeprefix('line ')}: {what}")


@dataclass(slots=True)
class Places:
    """How many entries, and where the first of them stand."""

    count: int = 0
    wheres: list[str] = field(default_factory=list)

    def add(self, count: int, where: str) -> None:
        self.count += count
        if count and len(self.wheres) < MOST_SHOWN:
            self.wheres.append(where)

    def join(self, other: "Places") -> None:
        self.count += other.count
        self.wheres = [*self.wheres, *other.wheres][:MOST_SHOWN]


@dataclass(slots=True)
class LeftOut:
    """Entries that were taken in without their time, which lies ahead, and without their reference, which is none."""

    times: Places = field(default_factory=Places)
    references: Places = field(default_factory=Places)

    @property
    def count(self) -> int:
        return self.times.count + self.references.count

    def join(self, other: "LeftOut") -> None:
        self.times.join(other.times)
        self.references.join(other.references)


class Messages:
    """Reads one message after the other on the same terms. `where` tells where it comes from.

    Who wrote them is not there to be told: where a time lies too far ahead, or a reference is none, the entry is taken without it,
    and `left_out` tells.
    """

    def __init__(self, terms: Terms) -> None:
        self.left_out = LeftOut()
        self._terms = terms
        self._reader = _Reader(terms, strict=False)

    def fields(self, fields: Mapping[str, Any], where: str) -> Entry:
        """One RequestID as the fields request_id, submitted_at, reference, account and api; all but the first may be left out.
        `submitted_at` may be a datetime with an offset too.

        Raises InvalidEntry.
        """
        reader = self._reader
        entry = reader.fields(fields, where)
        if not reader.clean:
            self._reader = _Reader(self._terms, strict=False)
        if reader.mistakes.count:
            raise reader.mistakes.refusal()
        self._note(reader, where)
        return entry

    def text(self, text: str, where: str) -> list[Entry]:
        """A bare RequestID, or JSON: fields as an object, a group, or a list of groups. Raises InvalidEntry."""
        if not text.lstrip().startswith(("{", "[")):
            return [self.fields({"request_id": text.strip()}, where)]
        content = document.read_json(text)
        if isinstance(content, dict) and "request_ids" not in content:
            return [self.fields(content, where)]
        reader = _Reader(self._terms, strict=False)
        entries = _checked(content, text, reader)
        self._note(reader, where)
        return entries

    def _note(self, reader: "_Reader", where: str) -> None:
        self.left_out.times.add(reader.times_left_out, where)
        self.left_out.references.add(reader.references_left_out, where)


def target(terms: Terms) -> tuple[str, str] | None:
    """The account and the API of what names none; None where it has to name them."""
    reader = _Reader(terms)
    found = reader.target({}, "")
    return None if reader.mistakes.count else found


def _checked(content: Any, text: str, reader: "_Reader") -> list[Entry]:
    entries = reader.document(content)
    mistakes, file = reader.mistakes, reader.terms.file
    if not mistakes.count:
        return entries
    if file is None:
        raise mistakes.refusal()
    raise mistakes.refusal(with_lines(file, document.find_lines(text, mistakes.paths)))


class _Reader:
    """Collects entries and mistakes from one document. A time that lies too far ahead and a reference that is none are mistakes, or
    left out and counted where that is not meant strictly."""

    def __init__(self, terms: Terms, *, strict: bool = True) -> None:
        self.mistakes = Mistakes()
        self.times_left_out = 0
        self.references_left_out = 0
        self.terms = terms
        self._strict = strict
        self._entry_keys = _REFERENCED_KEYS if terms.references else _ENTRY_KEYS
        self._field_keys = dict.fromkeys((*self._entry_keys, *_TARGET_KEYS))
        self._default: tuple[str, str] | None = None

    @property
    def clean(self) -> bool:
        return not (self.mistakes.count or self.times_left_out or self.references_left_out)

    def document(self, content: Any) -> list[Entry]:
        if isinstance(content, dict):
            return list(self._group(content, ""))
        if not isinstance(content, list):
            self.mistakes.add("", "must be a group or a list of groups, and a group an object with the key request_ids")
            return []
        return [entry for index, group in enumerate(content) for entry in self._group(group, f"[{index}]")]

    def lines(self, lines: list[str]) -> Iterator[tuple[str, float | None, str]]:
        for number, line in enumerate(lines, start=1):
            request_id, told = moment.parted(line)
            if not request_id:
                continue
            where = f"line {number}"
            yield self._request_id(request_id, where), self._submitted(told, where) if told else None, where

    def fields(self, fields: Mapping[str, Any], where: str) -> Entry:
        self._refuse_unknown(fields, self._field_keys, "")
        request_id, submitted, reference = self._fields(fields, "")
        account, api = self.target(fields, "")
        return Entry(request_id, account, api, submitted, where, reference)

    def target(self, group: Mapping[str, Any], path: str) -> tuple[str, str]:
        """Account and api of a group; what does not fit is a mistake and comes back empty."""
        names_none = group.get("account") is None and group.get("api") is None
        if names_none and self._default is not None:
            return self._default
        account = self._account(group, path)
        api = self._api(group, path, account) if account else ""
        if names_none and api:
            self._default = account, api
        return account, api

    def _group(self, group: Any, path: str) -> Iterator[Entry]:
        if not isinstance(group, dict):
            self.mistakes.add(path, "must be a group: an object with the key request_ids")
            return
        self._refuse_unknown(group, _GROUP_KEYS, path)
        account, api = self.target(group, path)
        ids = group.get("request_ids")
        if not isinstance(ids, list):
            where, is_missing = (
                (path, "request_ids ") if "request_ids" not in group else (child(path, "request_ids"), "")
            )
            self.mistakes.add(where, f"{is_missing}must be a list of RequestIDs")
            return
        yield from self._entries(ids, child(path, "request_ids"), account, api)

    def _entries(self, ids: list[Any], path: str, account: str, api: str) -> Iterator[Entry]:
        fits = REQUEST_ID.fullmatch
        for index, one in enumerate(ids):
            where = f"{path}[{index}]"
            if type(one) is str and fits(one):
                yield Entry(request_id=one, account=account, api=api, submitted=None, where=where)
            else:
                request_id, submitted, reference = self._entry(one, where)
                yield Entry(request_id, account, api, submitted, where, reference)

    def _entry(self, one: Any, where: str) -> tuple[str, float | None, str | None]:
        if not isinstance(one, dict):
            return self._request_id(one, where), None, None
        self._refuse_unknown(one, self._entry_keys, where)
        return self._fields(one, where)

    def _fields(self, one: Mapping[str, Any], where: str) -> tuple[str, float | None, str | None]:
        request_id = ""
        if "request_id" in one:
            request_id = self._request_id(one["request_id"], child(where, "request_id"))
        else:
            self.mistakes.add(where, "request_id must be given")
        told, reference = one.get("submitted_at"), one.get(_REFERENCE)
        submitted = None if told is None else self._submitted(told, child(where, "submitted_at"))
        if reference is not None and self.terms.references:
            reference = self._reference(reference, child(where, _REFERENCE))
        return request_id, submitted, reference

    def _request_id(self, value: Any, where: str) -> str:
        if not isinstance(value, str):
            self.mistakes.add(where, f"{ID_RULE}, got {_kind(value)}")
        elif not REQUEST_ID.fullmatch(value):
            self.mistakes.add(where, f"{ID_RULE}, got {length(value)}")
        else:
            return value
        return ""

    def _submitted(self, value: Any, where: str) -> float | None:
        submitted = moment.parse(value) if isinstance(value, str) else moment.of(value)
        if submitted is None:
            self.mistakes.add(where, _TIME_RULE)
        elif submitted > self.terms.now + FURTHEST_AHEAD:
            self._refuse_ahead(where)
            return None
        return submitted

    def _refuse_ahead(self, where: str) -> None:
        if self._strict:
            self.mistakes.add(where, "must not lie more than 5 minutes in the future")
        else:
            self.times_left_out += 1

    def _reference(self, value: Any, where: str) -> str | None:
        if isinstance(value, str) and REFERENCE.fullmatch(value):
            return value
        if self._strict:
            # It is not repeated: what does not fit may be a lead's name.
            self.mistakes.add(
                where, f"{REFERENCE_RULE}, got {length(value) if isinstance(value, str) else _kind(value)}"
            )
        else:
            self.references_left_out += 1
        return None

    def _account(self, group: Mapping[str, Any], path: str) -> str:
        apis = self.terms.apis
        account = group.get("account")
        if account is None:
            account = self.terms.account or (next(iter(apis)) if len(apis) == 1 else None)
        return self._configured(account, apis, "account", path, is_own=group.get("account") is not None)

    def _api(self, group: Mapping[str, Any], path: str, account: str) -> str:
        apis = self.terms.apis[account]
        api = group.get("api")
        if api is None:
            api = self.terms.api or (next(iter(apis)) if len(apis) == 1 else None)
        if api is None and DEFAULT_API in apis:
            api = DEFAULT_API
        return self._configured(api, apis, "api", path, is_own=group.get("api") is not None)

    def _configured(self, value: Any, names: Collection[str], key: str, path: str, *, is_own: bool) -> str:
        """The value where it is one of the names. Any other is not repeated: nobody knows what it may be."""
        if isinstance(value, str) and value in names:
            return value
        rule = f"must be one of {_listed(names)}" if names else "can't be given: none is configured"
        self.mistakes.add(child(path, key) if is_own else path, rule if is_own else f"{key} {rule}")
        return ""

    def _refuse_unknown(self, found: Mapping[str, Any], allowed: Mapping[str, object], path: str) -> None:
        if found.keys() <= allowed.keys():
            return
        rule = f"allowed: {', '.join(allowed)}"
        for key in found:
            if key in allowed:
                continue
            if key == _REFERENCE and "request_id" in allowed:
                self.mistakes.add(child(path, key), REFERENCES_OFF)
            elif _PLAIN_KEY.fullmatch(key):
                self.mistakes.add(child(path, key), f"unknown key; {rule}")
            else:
                self.mistakes.add(path, f"unknown key, {length(key)}; {rule}")


def _listed(names: Collection[str]) -> str:
    """The first few: the error of a program that watches hundreds of accounts has to stay readable."""
    first = sorted(names)[:_MOST_NAMES]
    return ", ".join(first) + (f" and {len(names) - len(first)} others" if len(names) > len(first) else "")


def _kind(value: Any) -> str:
    """What JSON calls it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "a number; put it in quotes"
