"""Alerts about what becomes of the updates."""

from alerts.accounts import DOWN, told_to_stop
from alerts.alert import API, COUNT, OF, Alert, Severity
from alerts.expressions import FAILED, FAILURE_RATIO, Samples
from alerts.thresholds import Thresholds
from exporter.config.duration import format_duration
from exporter.metrics import families as f


def alerts(t: Thresholds) -> tuple[Alert, ...]:
    return (*_unfinished(t), *_failing(t), *_lost(t))


def _unfinished(t: Thresholds) -> tuple[Alert, ...]:
    """Only where somebody has asked lately and gets answers: what nobody asked about may have finished long ago."""
    asked = f"{Samples(f.STALENESS).level(*API)} <= {t.stale:g}" + "".join(
        f"\nunless ignoring (api)\n{reason}" for reason in (DOWN, told_to_stop(t))
    )
    return (
        Alert(
            name="LeadSquaredRequestsStuck",
            severity=Severity.WARNING,
            expression=f"{Samples(f.STUCK).level(*API, operator='sum')} > 0\nand\n{asked}",
            hold=t.stuck,
            summary=f"Updates are stuck at LeadSquared: {OF}",
            description=f"{OF}: {COUNT} pending for longer than polling.stuck_after. They were asked about lately, so it is "
            "LeadSquared that has not finished them.",
        ),
        Alert(
            name="LeadSquaredRetriesExhausted",
            severity=Severity.CRITICAL,
            expression=f"{Samples(f.OLDEST).level(*API)} > {t.retries:g}\nand\n{asked}",
            hold=t.asked_again,
            summary=f"LeadSquared has an update for longer than it repeats one: {OF}",
            description=f"The oldest pending update of {OF} was submitted {{{{ $value | humanizeDuration }}}} ago. LeadSquared "
            "repeats an update for 9h9m30s at most, so nothing is going to happen to it any more.",
        ),
    )


def _failing(t: Thresholds) -> tuple[Alert, ...]:
    return (
        _burn(t, Severity.CRITICAL, times=t.fast_burn, long=t.fast_long, short=t.fast_short, hold=t.fast_hold),
        _burn(t, Severity.WARNING, times=t.slow_burn, long=t.slow_long, short=t.slow_short, hold=t.slow_hold),
    )


def _burn(t: Thresholds, severity: Severity, *, times: float, long: float, short: float, hold: float) -> Alert:
    """Over two windows: the long one says that it matters, the short one that it goes on."""
    most = f"{times * (1 - t.objective):g}"
    windows = [format_duration(seconds) for seconds in (long, short)]
    ratios = [f"{FAILURE_RATIO.promql(window=window)} > {most}" for window in windows]
    enough = f"{Samples(f.FINISHED, FAILED).increase(windows[0], *API)} > {t.few:g}"
    return Alert(
        name="LeadSquaredUpdatesFailing",
        severity=severity,
        expression="\nand\n".join((*ratios, enough)),
        hold=hold,
        summary=f"Updates fail: {OF}",
        description=f"{{{{ $value | humanizePercentage }}}} of the updates of {OF} that finished in the last {windows[0]} "
        f"ended in FAILURE or ERROR. That is more than {times:g} times what may fail.",
    )


def _lost(t: Thresholds) -> tuple[Alert, ...]:
    erring = Samples(f.PENDING, 'status="error"').level(*API, operator="sum")
    pending = Samples(f.PENDING).level(*API, operator="sum")
    given_up = Samples(f.ABANDONED, 'cause=~"not_found|expired"')
    shown = format_duration(t.ended)
    return (
        Alert(
            name="LeadSquaredSystemErrors",
            severity=Severity.WARNING,
            expression=f"{erring} > {t.few:g}\nand\n{erring} / ({pending} > 0) > {t.erring:g}",
            hold=t.hold_long,
            summary=f"LeadSquared can't process updates: {OF}",
            description=f"{OF}: {COUNT} pending at ERROR. LeadSquared repeats them, and polling.error_grace says how long that "
            "is waited for.",
        ),
        Alert(
            name="LeadSquaredUpdatesEndedInError",
            severity=Severity.WARNING,
            expression=_ended_in_error(shown),
            hold=0.0,
            summary=f"Updates are lost: {OF}",
            description=f"{OF}: about {COUNT} ended in ERROR in the last {shown}. LeadSquared does not repeat them any more, so "
            "somebody has to submit them again.",
        ),
        Alert(
            name="LeadSquaredRequestsAbandoned",
            severity=Severity.WARNING,
            expression=f"{given_up.increase(shown, *API, 'cause')} > 0",
            hold=0.0,
            summary=f"Nobody knows what became of updates: {OF}",
            description=f"{OF}: about {COUNT} given up in the last {shown} ({{{{ $labels.cause }}}}).",
        ),
    )


def _ended_in_error(window: str) -> str:
    """A step that no update ended at before begins its series at 1, which increase() takes for no increase. Such a series
    counts as a whole, unless all of the exporter is new to Prometheus."""
    ended = Samples(f.FINISHED, 'status="error"')
    born = f"({ended.select()} > 0) unless {ended.select()} offset {window}"
    seen = f"and on (job, instance) {f.BUILD.name} offset {window}"
    return f"{ended.increase(window, *API)} > 0\nor\n{ended.without(f'{born} {seen}', keep=API)}"
