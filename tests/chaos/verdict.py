"""The exporter's counters and list beside the drivers' own list."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.chaos.leadsquared import ACCOUNTS, Fate
from tests.chaos.scrapes import Sums, sums, total
from tests.chaos.truth import Truth

MOST_STORIES = 3


@dataclass(frozen=True, slots=True)
class State:
    """What the exporter says at one time. `rows` are those of its list, `finished` by account and status."""

    sums: Sums
    finished: Mapping[tuple[str, str], int]
    rows: list[dict[str, Any]] = field(repr=False)

    def count(self, family: str, account: str | None = None) -> int:
        return total(self.sums, family, account)


def state(metrics: Mapping[str, float], rows: list[dict[str, Any]]) -> State:
    return State(sums(metrics), _finished(metrics), rows)


def _finished(metrics: Mapping[str, float]) -> Mapping[tuple[str, str], int]:
    found: Counter[tuple[str, str]] = Counter()
    for series, value in metrics.items():
        if series.startswith("leadsquared_requests_finished_total{"):
            labels = dict(part.split("=", 1) for part in series.partition("{")[2].rstrip("}").split(","))
            found[labels["account"].strip('"'), labels["status"].strip('"')] += int(value)
    return found


class Verdict:
    """`problems` are the broken promises, each with the stories of some of the RequestIDs that it is about."""

    def __init__(self, truth: Truth) -> None:
        self.problems: list[str] = []
        self.counts: Counter[str] = Counter()
        self._truth = truth

    def judge(self, found: State, fates: Mapping[str, Fate], *, when: str) -> None:
        for account in ACCOUNTS:
            self._judge_account(account, found, fates, when)
        self._judge_doubles(found, when)
        self._judge_times(found, when)
        if pending := found.count("pending"):
            self._add(f"{when}: {pending} requests are still pending", [])

    def judge_restart(self, before: State, after: State, *, when: str) -> None:
        for family in ("discovered_total", "finished_total", "abandoned_total"):
            if before.count(family) != after.count(family):
                self._add(f"{when}: {family} went from {before.count(family)} to {after.count(family)}", [])
        names, later = _names(before.rows), _names(after.rows)
        if names != later:
            self._add(f"{when}: the list is another one", names ^ later)

    def conclude(self, defects: Iterable[str]) -> None:
        for complaint in self._truth.complaints.values():
            self._add(str(complaint), [])
        for line in defects:
            self._add(f"the log tells of a defect: {line}", [])

    def _judge_account(self, account: str, found: State, fates: Mapping[str, Fate], when: str) -> None:
        listed = {row["request_id"] for row in found.rows if row["account"] == account}
        due, possible = self._truth.due(account), self._truth.possible(account)
        # A submission whose answer did not reach its application is one that LeadSquared alone knows of.
        unheard = {name for name, fate in fates.items() if fate.account == account} - self._truth.names()
        self._compare(f"{when}: {account}: lost", due - listed)
        self._compare(f"{when}: {account}: counted and never handed over to it", listed - possible - unheard)
        discovered = found.count("discovered_total", account)
        if discovered != len(listed):
            doubled = f"discovered is {discovered} and the list has {len(listed)} RequestIDs"
            self._add(f"{when}: {account}: {doubled}", [])
            self.counts["counted twice"] += max(0, discovered - len(listed))
        self._judge_ends(account, listed, found, fates, when)

    def _judge_ends(self, account: str, listed: set[str], found: State, fates: Mapping[str, Fate], when: str) -> None:
        ended = Counter(fates[name].status for name in listed if name in fates)
        shown = {status: count for (of, status), count in found.finished.items() if of == account and count}
        told = {status: count for status, count in ended.items() if status is not None}
        if shown != told:
            self._add(f"{when}: {account}: finished is {shown}, and LeadSquared ended {told} of what is listed", [])

    def _judge_doubles(self, found: State, when: str) -> None:
        counts = Counter(row["request_id"] for row in found.rows)
        doubled = [name for name, count in counts.items() if count > 1]
        self._compare(f"{when}: in the list more than once", doubled)

    def _judge_times(self, found: State, when: str) -> None:
        told = {row["request_id"]: row["submitted_at"] for row in found.rows if row["submitted_at"] is not None}
        moments = {name: datetime.fromisoformat(text) for name, text in told.items()}
        wrong = [name for name, at in moments.items() if not self._truth.submitted_about(name, at)]
        self._compare(f"{when}: submitted at another time", wrong)

    def _compare(self, what: str, names: Iterable[str]) -> None:
        found = sorted(names)
        if found:
            self.counts[what.rpartition(": ")[2]] += len(found)
            ways = Counter(self._truth.ways(name) for name in found).most_common()
            self._add(f"{what}: {len(found)} ({', '.join(f'{count} by {way}' for way, count in ways)})", found)

    def _add(self, what: str, names: Iterable[str]) -> None:
        lines = [what]
        for name in sorted(names)[:MOST_STORIES]:
            lines.append(f"  {name}, by {self._truth.ways(name)}")
            lines += [f"    {line}" for line in self._truth.story(name)]
        self.problems.append("\n".join(lines))


def _names(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    return {row["request_id"] for row in rows}
