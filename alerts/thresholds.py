"""The numbers in the alerts, each in one place."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Final


def _time(default: float, text: str) -> Any:
    """Seconds that pass while an alert waits or looks back: what `hastened` shortens."""
    return field(default=default, metadata={"help": text, "unit": "s", "hastened": True})


def _delay(default: float, text: str) -> Any:
    """Seconds that somebody else takes: they stay what they are however fast the rules are."""
    return field(default=default, metadata={"help": text, "unit": "s", "hastened": False})


def _part(default: float, text: str) -> Any:
    return field(default=default, metadata={"help": text, "unit": "percentunit", "hastened": False})


def _count(default: float, text: str) -> Any:
    return field(default=default, metadata={"help": text, "unit": "short", "hastened": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What an operator may want to change. Times are seconds, parts are from 0 to 1."""

    retries: float = _time(
        37_800.0,
        "LeadSquared repeats an update for 9h9m30s, and one at ERROR ends as lost after `polling.error_grace`, 10 hours; raise "
        "it with that",
    )
    stale: float = _time(
        2_700.0,
        "nobody has asked for longer than this: half as long again as `polling.max_staleness`; raise it with that",
    )
    stuck: float = _time(900.0, "requests have to be stuck for this long on top of `polling.stuck_after`")
    asked_again: float = _time(
        1_800.0, "by then every request was asked about once more: as long as `polling.max_staleness`"
    )
    objective: float = _part(0.99, "part of the updates that are to succeed; what may fail is the rest")
    fast_burn: float = _count(14.4, "so many times the part that may fail is a reason to wake somebody")
    fast_long: float = _time(3_600.0, "the window in which that must be so …")
    fast_short: float = _time(300.0, "… and still be so in this one, so that the alert ends soon after the trouble")
    fast_hold: float = _time(120.0, "the first updates of a day may fail by chance: it has to last this long")
    slow_burn: float = _count(6, "so many times the part that may fail is a reason to look into it on the same day")
    slow_long: float = _time(21_600.0, "the window in which that must be so …")
    slow_short: float = _time(1_800.0, "… and still be so in this one")
    slow_hold: float = _time(900.0, "the same for the slower windows")
    few: float = _count(4, "no ratio is looked at until more than this were counted: one of two is no trend")
    erring: float = _part(0.1, "part of the pending requests whose last answer was ERROR")
    lately: float = _time(900.0, "how far back single events are looked for")
    ended: float = _time(3_600.0, "how long a lost update is shown")
    waiting: float = _part(0.5, "part of the time in which a due poll waits for the budget")
    daily: float = _part(0.95, "part of the day's calls that is used up")
    refused: float = _part(0.01, "part of the application's calls that LeadSquared refuses because of its rate limit")
    unnoticed: float = _delay(300.0, "nine of ten finishes are to be noticed within this time")
    backlog: float = _delay(900.0, "the longest delay of LeadSquared's queue, as it says")
    hold: float = _time(300.0, "a state has to last this long, so that a restart or a single answer wakes nobody")
    hold_long: float = _time(900.0, "the same for what comes and goes under load")
    linger: float = _time(300.0, "an alert goes on for this long after its end: one missed scrape must not end it")
    known: float = _time(86_400.0, "an exporter that was seen within this time and does not answer is down")

    def hastened(self, factor: float) -> "Thresholds":
        """The same rules on a faster clock: every wait and every window is `factor` times as short."""
        times = [one.name for one in fields(self) if one.metadata["hastened"]]
        return replace(self, **{name: getattr(self, name) / factor for name in times})


STANDARD: Final = Thresholds()
