"""Alerts about what becomes of the updates."""

from dataclasses import dataclass

from alerts.accounts import ACCOUNT, no_answer, told_to_stop
from alerts.alert import API, AT_ONCE, COUNT, OF, Alert, Setup, Severity, detail, listed
from alerts.counting import increase
from alerts.expressions import FAILED
from alerts.site import both, without
from alerts.thresholds import Number
from exporter.metrics import families as f

SUCCEEDED = 'status="success"'
ENDED = "ended in FAILURE or ERROR"


def alerts(s: Setup) -> tuple[Alert, ...]:
    return (*_unfinished(s), *_failing(s), *_lost(s))


def _asked(s: Setup, vector: str) -> str:
    """Only where the exporter has asked lately and gets answers: what it did not ask about may have finished long ago."""
    t, site = s.thresholds, s.site
    asked = both(vector, f"{site.level(f.STALENESS, *API)} <= {t.stale}")
    here = site.same(*ACCOUNT)
    return without(asked, (here, no_answer(site)), (here, told_to_stop(t, site)))


def _unfinished(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    stuck = f"{site.level(f.STUCK, *API, operator='sum')} > 0"
    erring = site.level(f.PENDING, *API, matchers='status="error"', operator="sum")
    # One or two at ERROR are being repeated; they are told when the repetitions are over.
    repeated = f"({site.level(f.STUCK, *API, operator='sum')} <= {t.few}) <= {erring}"
    pending = detail("{} are pending in all.", f"sum({f.PENDING.name}{{%s}})", form='printf "%.0f"')
    oldest = f"max({f.OLDEST.name}{{%s}})"
    since = detail("The oldest was submitted at {}.", f"time() - {oldest}", form="humanizeTimestamp")
    unasked = (
        f"where no answer is younger than {t.stale.span}, whatever the reason (LeadSquaredAccountDown, "
        "LeadSquaredAccountUnauthorized, LeadSquaredRateLimited, LeadSquaredBudgetTooSmall, LeadSquaredDailyBudgetExhausted or "
        "LeadSquaredExporterStalled tells it)"
    )
    return (
        Alert(
            name="LeadSquaredRequestsStuck",
            severity=Severity.WARNING,
            expression=site.all("sum", _asked(s, without(stuck, (site.same(*API), repeated))), *API),
            hold=t.stuck,
            summary=f"Updates are stuck at LeadSquared: {OF}",
            description=f"{OF}: {COUNT} pending for longer than polling.stuck_after. The exporter has asked about them lately, so "
            "it is LeadSquared that has not finished them.",
            details=(pending, since),
            page=listed(state="stuck"),
            silent=f"for {t.stuck.span} beyond `polling.stuck_after`; up to {t.few} updates where as many stand at ERROR, which "
            f"LeadSquared repeats by itself; {unasked}.",
        ),
        Alert(
            name="LeadSquaredRetriesExhausted",
            severity=Severity.CRITICAL,
            expression=site.all("max", _asked(s, f"{site.level(f.OLDEST, *API)} > {t.retries}"), *API),
            hold=t.asked_again,
            summary=f"LeadSquared has an update for longer than it repeats one: {OF}",
            description=f"The oldest pending update of {OF} was submitted {{{{ $value | humanizeDuration }}}} ago. LeadSquared "
            "repeats an update for 9h9m30s at most, so nothing is going to happen to it any more.",
            details=(since, detail("{} are stuck in all.", f"sum({f.STUCK.name}{{%s}})", form='printf "%.0f"')),
            page=listed(state="stuck"),
            silent=f"until an update is {t.retries.span} old, and {t.asked_again.span} more; {unasked}.",
        ),
    )


def _failing(s: Setup) -> tuple[Alert, ...]:
    t = s.thresholds
    part = f"up to {t.few} failures in the long window; up to"
    return (
        _burn(
            s,
            Severity.CRITICAL,
            _Burn(t.fast_failing, long=t.fast_long, short=t.fast_short, hold=t.fast_hold, every=t.every_hour),
            silent=f"{part} {t.fast_failing.percent} of the updates of {t.fast_long.span}.",
        ),
        _burn(
            s,
            Severity.WARNING,
            _Burn(t.slow_failing, long=t.slow_long, short=t.slow_short, hold=t.slow_hold, every=t.every_hours),
            silent=f"{part} {t.slow_failing.percent} of the updates of {t.slow_long.span}.",
        ),
        _steadily(s),
        _rarely(s),
    )


@dataclass(frozen=True, slots=True)
class _Burn:
    """So large a part that fails, in which windows, for how long, and how often that is looked at."""

    most: Number
    long: Number
    short: Number
    hold: Number
    every: Number


def _grown(s: Setup, window: Number, matchers: str = "") -> str:
    """Over days what a series begins with is no part that matters, and to look for it would read all of them thrice."""
    over = s.site.samples(f.FINISHED, matchers, window=window.span)
    plain = s.site.all("sum", f"increase({over})", *API)
    return (
        plain if window == s.thresholds.steady_long else increase(s.site, f.FINISHED, window, *API, matchers=matchers)
    )


def _part(s: Setup, window: Number) -> str:
    return f"{_grown(s, window, FAILED)} / ({_grown(s, window)} > 0)"


def _enough(s: Setup, window: Number) -> str:
    return f"round({_grown(s, window, FAILED)}) > {s.thresholds.few}"


def _before(s: Setup, long: Number, short: Number) -> str:
    """The part in the last of the short windows in which any ended."""
    failed, ended = (
        s.site.all("sum", f"rate({s.site.samples(f.FINISHED, matchers, window=short.span)})", *API)
        for matchers in (FAILED, "")
    )
    return f"last_over_time(({failed} / ({ended} > 0))[{long.span}:{short.span}])"


def _goes_on(s: Setup, most: Number, long: Number, short: Number) -> str:
    """The long window says that it matters, the short one that it goes on. Where nothing ended in that, the last one in which
    anything did: an application that submits once an hour would be told of an end and a new beginning every hour."""
    last = f"({_part(s, short)} or {_before(s, long, short)})"
    return without(
        both(f"{_part(s, long)} > {most}", _enough(s, long)),
        (s.site.same_application(*API), f"{last} <= {most}"),
    )


def _how_many(window: Number) -> str:
    failed = f"sum(increase({f.FINISHED.name}{{{FAILED},%s}}[{window.span}]))"
    return detail("About {} failed.", failed, form='printf "%.0f"')


def _burn(s: Setup, severity: Severity, burn: _Burn, *, silent: str) -> Alert:
    return Alert(
        name="LeadSquaredUpdatesFailing",
        severity=severity,
        expression=_goes_on(s, burn.most, burn.long, burn.short),
        hold=burn.hold,
        every=burn.every,
        summary=f"Updates fail: {OF}",
        description=f"{{{{ $value | humanizePercentage }}}} of the updates of {OF} that finished in the last {burn.long.span} "
        f"{ENDED}; more than {burn.most.percent} is an alert.",
        details=(_how_many(burn.long),),
        page=listed(status="failure"),
        silent=silent,
    )


def _steadily(s: Setup) -> Alert:
    """A few in a hundred, for days: no reason to hurry, and none to leave it."""
    t, site = s.thresholds, s.site
    told = both(f"{_part(s, t.slow_long)} > {t.slow_failing}", _enough(s, t.slow_long))
    return Alert(
        name="LeadSquaredUpdatesFailing",
        severity=Severity.TICKET,
        expression=without(
            _goes_on(s, t.steady_failing, t.steady_long, t.steady_short), (site.same_application(*API), told)
        ),
        hold=t.steady_hold,
        every=t.every_days,
        summary=f"Some updates fail all the time: {OF}",
        description=f"{{{{ $value | humanizePercentage }}}} of the updates of {OF} that finished in the last {t.steady_long.span} "
        f"{ENDED}; more than {t.steady_failing.percent} is a ticket.",
        details=(_how_many(t.steady_long),),
        page=listed(status="failure"),
        silent=f"up to {t.steady_failing.percent} of the updates of {t.steady_long.span}, and for the first "
        f"{t.steady_hold.span}; up to {t.few} failures; while so many fail that it is a warning.",
    )


def _rarely(s: Setup) -> Alert:
    t, site = s.thresholds, s.site
    here = site.same_application(*API)
    failed = f"round({_grown(s, t.rare, FAILED)}) > {t.few}"
    succeeded = f"{_grown(s, t.rare, SUCCEEDED)} > 0"
    return Alert(
        name="LeadSquaredEveryUpdateFails",
        severity=Severity.TICKET,
        expression=without(failed, (here, succeeded), (here, _enough(s, t.slow_long))),
        hold=t.slow_hold,
        every=t.every_days,
        summary=f"Not one update has succeeded for a day: {OF}",
        description=f"{OF}: all of about {COUNT} updates that finished in the last {t.rare.span} {ENDED}.",
        page=listed(status="failure"),
        silent=f"up to {t.few} failures in {t.rare.span}; after a single success; while more than {t.few} fail in "
        f"{t.slow_long.span} (LeadSquaredUpdatesFailing).",
    )


def _lost(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    erring = site.all("sum", site.samples(f.PENDING, 'status="error"'), *API)
    pending = site.all("sum", site.samples(f.PENDING), *API)
    lost = increase(site, f.FINISHED, t.ended, *API, matchers='status="error"')
    given_up = increase(site, f.ABANDONED, t.ended, *API, "cause", matchers='cause=~"not_found|expired"')
    return (
        Alert(
            name="LeadSquaredSystemErrors",
            severity=Severity.WARNING,
            expression=f"{erring} > {t.few}\nand\n{erring} / ({pending} > 0) > {t.erring}",
            hold=t.hold_long,
            summary=f"LeadSquared can't process updates: {OF}",
            description=f"{OF}: {COUNT} pending at ERROR. LeadSquared repeats them, and polling.error_grace says how long the "
            "exporter waits for that.",
            details=(detail("{} are pending in all.", f"sum({f.PENDING.name}{{%s}})", form='printf "%.0f"'),),
            page=listed(status="error", state="pending"),
            silent=f"up to {t.few} at ERROR, and up to {t.erring.percent} of what is pending; for the first {t.hold_long.span}.",
        ),
        Alert(
            name="LeadSquaredUpdatesEndedInError",
            severity=Severity.WARNING,
            expression=f"{lost} > 0",
            hold=AT_ONCE,
            summary=f"Updates are lost: {OF}",
            description=f"{OF}: about {COUNT} ended in ERROR in the last {t.ended.span}. LeadSquared does not repeat them any "
            "more: the application, or an operator, has to submit them again.",
            page=listed(status="error", state="finished"),
            silent=f"{t.ended.span} after the last; what a database already held when its exporter was first scraped.",
        ),
        Alert(
            name="LeadSquaredRequestsAbandoned",
            severity=Severity.WARNING,
            expression=f"{given_up} > 0",
            hold=AT_ONCE,
            summary=f"What became of updates is unknown: {OF}",
            description=f"{OF}: about {COUNT} given up in the last {t.ended.span} ({{{{ $labels.cause }}}}).",
            page=listed(state="abandoned"),
            silent=f"{t.ended.span} after the last; for what an operator removed.",
        ),
    )
