"""Alerts about LeadSquared and what an account may ask of it."""

from typing import Final

from alerts.alert import API, COUNT, OF, Alert, Severity
from alerts.expressions import BUDGET_USED, BUDGET_WAIT, RATE_LIMITED_RATIO, REFUSED, Samples
from alerts.thresholds import Thresholds
from exporter.config.duration import format_duration
from exporter.metrics import families as f

DOWN: Final = Samples(f.UP).level("account", operator="min") + " == 0"
UNAUTHORIZED: Final = Samples(f.BREAKER, 'state="unauthorized"').level("account") + " == 1"


def told_to_stop(t: Thresholds) -> str:
    """For a while, that is: a 429 now and then pauses the polls for seconds, and is no excuse."""
    stopped = Samples(f.BREAKER, 'state=~"paused|unauthorized"')
    throughout = f"min_over_time({stopped.select()}[{format_duration(t.hold)}])"
    return f"{stopped.without(throughout, keep=('account',), operator='max')} == 1"


def alerts(t: Thresholds) -> tuple[Alert, ...]:
    return (*_access(t), *_rate_limit(t), *_budget(t), *_queue(t))


def _access(t: Thresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            name="LeadSquaredAccountUnauthorized",
            severity=Severity.CRITICAL,
            expression=UNAUTHORIZED,
            hold=t.hold,
            summary="LeadSquared refuses the key of {{ $labels.account }}",
            description="LeadSquared answers 401 or 403 to the exporter's calls for {{ $labels.account }}. Nothing is known of "
            "its updates until the key works again; it is tried once a minute.",
        ),
        Alert(
            name="LeadSquaredAccountDown",
            severity=Severity.CRITICAL,
            expression=f"{DOWN}\nunless\n{UNAUTHORIZED}",
            hold=t.hold,
            summary="LeadSquared does not answer for {{ $labels.account }}",
            description="Nothing but failures comes back for {{ $labels.account }}: timeouts, lost connections, 5xx or answers "
            "that make no sense.",
        ),
    )


def _rate_limit(t: Thresholds) -> tuple[Alert, ...]:
    window = format_duration(t.lately)
    ours = Samples(f.CALL_ERRORS, f'endpoint!="gateway",{REFUSED}')
    theirs = RATE_LIMITED_RATIO.promql(selector='endpoint="gateway"', window=window)
    return (
        Alert(
            name="LeadSquaredRateLimited",
            severity=Severity.WARNING,
            expression=f"{ours.increase(window, 'account')} > 0",
            hold=0.0,
            summary="LeadSquared refuses polls of {{ $labels.account }} with 429",
            description=f"{{{{ $labels.account }}}}: about {COUNT} polls refused in the last {window}. The exporter keeps to its "
            "share, so somebody else uses more than the rest, or rate_limit is more than the account may do.",
        ),
        Alert(
            name="LeadSquaredApplicationRateLimited",
            severity=Severity.WARNING,
            expression=f"{theirs} > {t.refused:g}",
            hold=t.hold,
            summary="LeadSquared refuses the application's calls for {{ $labels.account }} with 429",
            description=f"{{{{ $value | humanizePercentage }}}} of the application's calls through the gateway for "
            f"{{{{ $labels.account }}}} were refused in the last {window}. What it does not submit again is lost.",
        ),
    )


def _budget(t: Thresholds) -> tuple[Alert, ...]:
    used_up = BUDGET_USED.promql(selector='window="daily"') + f" >= {t.daily:g}"
    stale = f"{Samples(f.STALENESS).level(*API)} > {t.stale:g}"
    waits = f"{BUDGET_WAIT.promql(window=format_duration(t.lately))} > {t.waiting:g}"
    return (
        Alert(
            name="LeadSquaredDailyBudgetExhausted",
            severity=Severity.WARNING,
            # Where calls are spread over the day, all of them may be made and everything be asked about in time.
            expression=f"{used_up}\nand ignoring (api, window)\n{stale}",
            hold=t.hold,
            summary="The day's calls of {{ $labels.account }} are used up",
            description="{{ $value | humanizePercentage }} of the calls that the exporter may make in 24 hours for "
            "{{ $labels.account }} are made, and some update has waited for one for long. Without calls no finish is noticed.",
        ),
        Alert(
            name="LeadSquaredBudgetTooSmall",
            severity=Severity.WARNING,
            expression=f"{stale}\nand ignoring (api)\n{waits}\nunless ignoring (api, window)\n{used_up}",
            hold=t.hold_long,
            summary=f"The budget is too small to ask about every update: {OF}",
            description=f"Some update of {OF} was last asked about {{{{ $value | humanizeDuration }}}} ago, because polls wait "
            "for the budget. Figures about stuck and finished updates are as old as that.",
        ),
    )


def _queue(t: Thresholds) -> tuple[Alert, ...]:
    waiting = f"{Samples(f.QUEUE_PENDING).level(*API)} > 0"
    still = f"{Samples(f.QUEUE_RATE).level(*API)} == 0"
    return (
        Alert(
            name="LeadSquaredBacklog",
            severity=Severity.WARNING,
            expression=f"{Samples(f.QUEUE_DELAY).level(*API)} > {t.backlog:g}",
            hold=t.hold_long,
            summary=f"LeadSquared is behind with {OF}",
            description=f"{OF}: by its own figures LeadSquared's queue has a delay of {{{{ $value | humanizeDuration }}}}.",
        ),
        Alert(
            name="LeadSquaredQueueStandsStill",
            severity=Severity.WARNING,
            expression=f"{waiting}\nand\n{still}",
            hold=t.hold_long,
            summary=f"LeadSquared processes nothing: {OF}",
            description=f"{OF}: by its own figures LeadSquared has {COUNT} waiting in its queue, and processed none in its last 10 "
            "minutes.",
        ),
    )
