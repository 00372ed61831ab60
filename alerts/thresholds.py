"""The numbers in the alerts, each in one place."""
# ruff: noqa: RUF009  (each is a field)

import sys
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from exporter.config.duration import format_duration


@dataclass(frozen=True, slots=True)
class Number:
    """`mark` is its name where a chart puts the value in later: what is written then is a place for it."""

    value: float
    mark: str = ""

    def __str__(self) -> str:
        """As PromQL has it: seconds, or a part from 0 to 1."""
        return f"<<{self.mark}>>" if self.mark else f"{self.value:.10g}"

    @property
    def span(self) -> str:
        return f"<<{self.mark}:span>>" if self.mark else format_duration(self.value)

    @property
    def percent(self) -> str:
        return f"<<{self.mark}:percent>>" if self.mark else f"{self.value * 100:g} %"


def _time(default: float, text: str) -> Any:
    """Seconds that pass while an alert waits or looks back: what `hastened` shortens."""
    return field(default=Number(default), metadata={"help": text, "unit": "s", "hastened": True})


def _delay(default: float, text: str) -> Any:
    """Seconds that somebody else takes: they stay what they are however fast the rules are."""
    return field(default=Number(default), metadata={"help": text, "unit": "s", "hastened": False})


def _part(default: float, text: str) -> Any:
    return field(default=Number(default), metadata={"help": text, "unit": "percentunit", "hastened": False})


def _count(default: float, text: str) -> Any:
    return field(default=Number(default), metadata={"help": text, "unit": "short", "hastened": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What an operator may want to change. Times are seconds, parts are from 0 to 1."""

    retries: Number = _time(
        37_800.0,
        "LeadSquared repeats an update for 9h9m30s, and one at ERROR ends as lost after `polling.error_grace`, 10 hours; raise "
        "it with that",
    )
    stale: Number = _time(
        2_700.0,
        "the exporter has not asked for longer than this: half as long again as `polling.max_staleness`; raise it with that",
    )
    stuck: Number = _time(900.0, "requests have to be stuck for this long on top of `polling.stuck_after`")
    asked_again: Number = _time(
        1_800.0, "by then every request was asked about once more: as long as `polling.max_staleness`"
    )
    fast_failing: Number = _part(0.144, "so large a part that fails is a reason to wake the operator")
    fast_long: Number = _time(3_600.0, "the window in which that must be so …")
    fast_short: Number = _time(
        300.0, "… and still be so in this one, where any finished in it, so that the alert ends soon after the trouble"
    )
    fast_hold: Number = _time(120.0, "the first updates of a day may fail by chance: it has to last this long")
    slow_failing: Number = _part(0.06, "so large a part that fails is a reason to look into it on the same day")
    slow_long: Number = _time(21_600.0, "the window in which that must be so …")
    slow_short: Number = _time(1_800.0, "… and still be so in this one, where any finished in it")
    slow_hold: Number = _time(900.0, "the same for the slower windows")
    steady_failing: Number = _part(0.01, "so large a part that fails for days is a reason for a ticket")
    steady_long: Number = _time(259_200.0, "the window in which that must be so …")
    steady_short: Number = _time(21_600.0, "… and still be so in this one, where any finished in it")
    steady_hold: Number = _time(10_800.0, "the same for the windows of days")
    rare: Number = _time(
        86_400.0, "where so few finish that no ratio is looked at: how far back all of them must have failed"
    )
    few: Number = _count(4, "no ratio is looked at until more than this were counted: one of two is no trend")
    erring: Number = _part(0.1, "part of the pending requests whose last answer was ERROR")
    lately: Number = _time(900.0, "how far back single events are looked for")
    ended: Number = _time(3_600.0, "how long a lost update is shown")
    waiting: Number = _part(0.5, "part of the time in which a due poll waits for the budget")
    daily: Number = _part(0.95, "part of the day's calls that is used up")
    refused: Number = _part(0.01, "part of the calls that LeadSquared refuses because of its rate limit")
    unnoticed: Number = _delay(300.0, "nine of ten finishes are to be noticed within this time")
    late: Number = _time(
        3_600.0, "how long finishes have to be noticed late: an outage or a burst is caught up with sooner"
    )
    backlog: Number = _delay(900.0, "the longest delay of LeadSquared's queue, as it says")
    hold: Number = _time(300.0, "a state has to last this long, so that a restart or a single answer pages no operator")
    hold_long: Number = _time(900.0, "the same for what comes and goes under load")
    every_hour: Number = _time(60.0, "how often the rule about the failures of an hour is evaluated")
    every_hours: Number = _time(120.0, "how often rules that look back for hours are evaluated: that is much to read")
    every_days: Number = _time(600.0, "how often rules that look back for days are evaluated")
    linger: Number = _time(300.0, "an alert goes on for this long after its end: one missed scrape must not end it")
    linger_days: Number = _time(1_200.0, "the same for what is evaluated that seldom")
    known: Number = _time(
        86_400.0,
        "an exporter that was seen within this time and does not answer is down, and stays so until it answers",
    )

    def hastened(self, factor: float) -> "Thresholds":
        """The same rules on a faster clock: every wait and every window is `factor` times as short."""
        times = [one.name for one in fields(self) if one.metadata["hastened"]]
        return replace(self, **{name: Number(getattr(self, name).value / factor) for name in times})

    def changed(self, **values: float) -> "Thresholds":
        """Others in place of these. TypeError for a name that there is not."""
        return replace(self, **{name: Number(value) for name, value in values.items()})

    def marked(self) -> "Thresholds":
        """With places in which a chart puts its values."""
        names = [one.name for one in fields(self)]
        return replace(self, **{name: Number(getattr(self, name).value, name) for name in names})


STANDARD: Final = Thresholds()


def values() -> str:
    """For the chart, which puts an operator's own in place of them."""
    lines = (f"{one.name}: {getattr(STANDARD, one.name)}\n" for one in fields(STANDARD))
    return "# Generated by alerts.thresholds. Times are seconds, parts are from 0 to 1.\n" + "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(values())
