"""Alerts about LeadSquared and what an account may ask of it."""

from typing import Final

from alerts.alert import API, AT_ONCE, COUNT, OF, OF_ACCOUNT, Alert, Setup, Severity, detail, listed
from alerts.counting import increase
from alerts.expressions import REFUSED
from alerts.site import Site, both, without
from alerts.thresholds import Thresholds
from exporter.metrics import families as f

ACCOUNT: Final = ("account",)
# Both are in each process: what one is told says nothing of another.
UNAUTHORIZED: Final = 'state="unauthorized"'
CLOSED: Final = 'state="closed"'
PAUSED: Final = 'state="paused"'


def alerts(s: Setup) -> tuple[Alert, ...]:
    return (*_access(s), *_rate_limit(s), *_budget(s), *_queue(s), _unconfigured(s))


def state(site: Site, matcher: str) -> str:
    return f"{site.level(f.BREAKER, *ACCOUNT, matchers=matcher)} == 1"


def down(site: Site) -> str:
    """A 429 is an answer, if the only one so far: who is told to wait is not down."""
    return without(f"{site.level(f.UP, *ACCOUNT, operator='min')} == 0", (site.same(*ACCOUNT), state(site, PAUSED)))


def no_answer(site: Site) -> str:
    """As an excuse, in one line."""
    return f"{site.level(f.UP, *ACCOUNT, operator='min')} == 0"


def told_to_stop(t: Thresholds, site: Site) -> str:
    """For a while, that is: a 429 now and then pauses the polls for seconds, and is no excuse."""
    stopped = site.samples(f.BREAKER, 'state=~"paused|unauthorized"', window=t.hold.span)
    return f"{site.process('max', f'min_over_time({stopped})', *ACCOUNT)} == 1"


def waits(t: Thresholds, site: Site) -> str:
    rate = f"rate({site.samples(f.WAITED, window=t.lately.span)})"
    return f"{site.process('max', rate, *ACCOUNT)} > {t.waiting}"


def stale(t: Thresholds, site: Site) -> str:
    return f"{site.level(f.STALENESS, *API)} > {t.stale}"


def used_up(t: Thresholds, site: Site) -> str:
    used, allowed = (site.samples(family, 'window="daily"') for family in (f.LIMIT_USED, f.LIMIT))
    return f"{site.process('max', f'{used} / ({allowed} > 0)', *ACCOUNT)} >= {t.daily}"


def _access(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    unauthorized = state(site, UNAUTHORIZED)
    processes = detail(
        "{} watch this account in all.",
        f"count({f.BREAKER.name}{{{CLOSED},%s}})",
        form='printf "%.0f"',
        labels=ACCOUNT,
    )
    since = detail(
        "The last usable answer came at {}.",
        f"max({f.LAST_SUCCESS.name}{{%s}} > 0)",
        form="humanizeTimestamp",
        labels=ACCOUNT,
    )
    return (
        Alert(
            name="LeadSquaredAccountUnauthorized",
            severity=Severity.CRITICAL,
            expression=site.all("count", unauthorized, *ACCOUNT),
            hold=t.hold,
            summary="LeadSquared refuses the key of {{ $labels.account }}",
            description=f"LeadSquared answers 401 or 403 to calls for {{{{ $labels.account }}}}, those of {COUNT} exporter(s). "
            "What becomes of the account's updates is unknown until the key works again; it is tried once a minute.",
            details=(processes, since),
            page=OF_ACCOUNT,
            silent=f"for the first {t.hold.span}; while nothing is pending and no queue metrics are asked for, since then no call "
            "is made.",
        ),
        Alert(
            name="LeadSquaredAccountDown",
            severity=Severity.CRITICAL,
            expression=site.all("count", without(down(site), (site.same(*ACCOUNT), unauthorized)), *ACCOUNT),
            hold=t.hold,
            summary="LeadSquared does not answer for {{ $labels.account }}",
            description=f"{COUNT} exporter(s) get nothing but failures for {{{{ $labels.account }}}}: timeouts, lost connections, "
            "5xx or answers that make no sense.",
            details=(processes, since),
            page=OF_ACCOUNT,
            silent=f"for the first {t.hold.span}; where the key is refused (LeadSquaredAccountUnauthorized) or LeadSquared said "
            "429 (LeadSquaredRateLimited); for an account that was never asked.",
        ),
    )


def _rate_limit(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    ours, theirs = 'endpoint!="gateway"', 'endpoint="gateway"'
    # An exporter that was just started has paused for no longer than that.
    began = f"{site.samples(f.BREAKER, PAUSED)} offset {t.hold_long.span} == 1"
    pausing = f"min_over_time({site.samples(f.BREAKER, PAUSED, window=t.hold_long.span)}) == 1 and {began}"
    return (
        Alert(
            name="LeadSquaredRateLimited",
            severity=Severity.WARNING,
            expression=f"{_refused(s, ours)}\nor\n{site.all('count', pausing, *ACCOUNT)}",
            hold=AT_ONCE,
            summary="LeadSquared refuses polls of {{ $labels.account }} with 429",
            description=f"{{{{ $labels.account }}}}: more than {t.refused.percent} of the polls were refused in the last "
            f"{t.lately.span}, or polls have paused for {t.hold_long.span} because LeadSquared said so. The exporter keeps to its "
            "share, so other programs use more than the rest, or rate_limit is more than the account may do.",
            details=(
                detail(
                    "About {} polls were refused in the last hour.",
                    f"sum(increase({f.CALL_ERRORS.name}{{{ours},{REFUSED},%s}}[1h]))",
                    form='printf "%.0f"',
                    labels=ACCOUNT,
                ),
            ),
            page=OF_ACCOUNT,
            silent=f"up to {t.refused.percent} of the polls, and up to {t.few} in {t.ended.span}: a 429 now and then costs a "
            "pause of seconds.",
        ),
        Alert(
            name="LeadSquaredApplicationRateLimited",
            severity=Severity.WARNING,
            expression=_refused(s, theirs),
            hold=t.hold,
            summary="LeadSquared refuses the application's calls for {{ $labels.account }} with 429",
            description="{{ $value | humanizePercentage }} of the application's calls through the gateway for "
            f"{{{{ $labels.account }}}} were refused in the last {t.lately.span}. What it does not submit again is lost.",
            details=(
                detail(
                    "About {} calls were refused in the last hour.",
                    f"sum(increase({f.CALL_ERRORS.name}{{{theirs},{REFUSED},%s}}[1h]))",
                    form='printf "%.0f"',
                    labels=ACCOUNT,
                ),
            ),
            page=OF_ACCOUNT,
            silent=f"up to {t.refused.percent} of the calls, and up to {t.few} in {t.ended.span}.",
        ),
    )


def _refused(s: Setup, endpoint: str) -> str:
    """Both a part that matters and more than a few: of a single call one is all."""
    t, site = s.thresholds, s.site
    refused = increase(site, f.CALL_ERRORS, t.lately, *ACCOUNT, matchers=f"{endpoint},{REFUSED}")
    calls = site.all("sum", f"rate({site.samples(f.CALLS, endpoint, window=t.lately.span)})", *ACCOUNT)
    hour = increase(site, f.CALL_ERRORS, t.ended, *ACCOUNT, matchers=f"{endpoint},{REFUSED}")
    part = f"{refused} / ({calls} * {t.lately} > 0) > {t.refused}"
    return both(part, f"round({hour}) > {t.few}")


def _budget(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    used, old = used_up(t, site), stale(t, site)
    here = site.same(*ACCOUNT)
    waiting = without(f"{old}\nand {here}\n{waits(t, site)}", (here, used))
    pending = detail("{} are pending in all.", f"sum({f.PENDING.name}{{%s}})", form='printf "%.0f"')
    return (
        Alert(
            name="LeadSquaredDailyBudgetExhausted",
            severity=Severity.WARNING,
            # Where calls are spread over the day, all of them may be made and everything be asked about in time.
            expression=site.all("max", f"{used}\nand {here}\n{old}", *ACCOUNT),
            hold=t.hold,
            summary="The day's calls of {{ $labels.account }} are used up",
            description="{{ $value | humanizePercentage }} of the calls that an exporter may make in 24 hours for "
            "{{ $labels.account }} are made, and some update has waited for one for long. Without calls no finish is noticed.",
            page=OF_ACCOUNT,
            silent=f"while every update is asked about within {t.stale.span}, even if all of the day's calls are made.",
        ),
        Alert(
            name="LeadSquaredBudgetTooSmall",
            severity=Severity.WARNING,
            expression=site.all("max", waiting, *API),
            hold=t.hold_long,
            summary=f"The budget is too small to ask about every update: {OF}",
            description=f"Some update of {OF} was last asked about {{{{ $value | humanizeDuration }}}} ago, because polls wait "
            "for the budget. Figures about stuck and finished updates are as old as that.",
            details=(pending,),
            page=listed(state="pending"),
            silent=f"while every update is asked about within {t.stale.span}; where it is the day's calls that are used up "
            "(LeadSquaredDailyBudgetExhausted).",
        ),
    )


def _queue(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    waiting = f"{site.level(f.QUEUE_PENDING, *API)} > 0"
    still = f"{site.level(f.QUEUE_RATE, *API)} == 0"
    off = "where LeadSquared's queue metrics are not asked for"
    return (
        Alert(
            name="LeadSquaredBacklog",
            severity=Severity.WARNING,
            expression=site.all("max", f"{site.level(f.QUEUE_DELAY, *API)} > {t.backlog}", *API),
            hold=t.hold_long,
            summary=f"LeadSquared is behind with {OF}",
            description=f"{OF}: by its own figures LeadSquared's queue has a delay of {{{{ $value | humanizeDuration }}}}.",
            page=listed(state="pending"),
            silent=f"up to a delay of {t.backlog.span}, and for the first {t.hold_long.span} of a longer one; {off}.",
        ),
        Alert(
            name="LeadSquaredQueueStandsStill",
            severity=Severity.WARNING,
            expression=site.all("max", both(waiting, still), *API),
            hold=t.hold_long,
            summary=f"LeadSquared processes nothing: {OF}",
            description=f"{OF}: by its own figures LeadSquared has {COUNT} waiting in its queue, and processed none in its last 10 "
            "minutes.",
            page=listed(state="pending"),
            silent=f"for the first {t.hold_long.span}; {off}.",
        ),
    )


def _unconfigured(s: Setup) -> Alert:
    t, site = s.thresholds, s.site
    # What is configured has a staleness, if only 0.
    left = without(
        f"{site.level(f.PENDING, *API, operator='sum')} > 0", (site.same(*API), site.level(f.STALENESS, *API))
    )
    return Alert(
        name="LeadSquaredRequestsUnconfigured",
        severity=Severity.TICKET,
        every=t.every_days,
        expression=site.all("sum", left, *API),
        hold=t.hold_long,
        summary=f"Updates wait for what is not configured any more: {OF}",
        description=f"{COUNT} updates of {OF} are kept and not asked about, because the configuration does not have the account, "
        "or not this API of it. Configure it again to see them to their end, or remove them.",
        page=listed(state="pending"),
        silent=f"for the first {t.hold_long.span}; once nothing of it is pending.",
    )
