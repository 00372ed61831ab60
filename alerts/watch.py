"""Alerts about the exporter itself: is anything watching?"""

from typing import Final

from alerts.accounts import ACCOUNT, no_answer, stale, told_to_stop, waits
from alerts.alert import API, AT_ONCE, COUNT, OF, OF_ACCOUNT, Alert, Setup, Severity, detail, listed
from alerts.counting import increase
from alerts.site import PROCESS, Site, both, without
from alerts.thresholds import Thresholds
from exporter.metrics import families as f

DOWN: Final = "LeadSquaredExporterDown"
# The operator has to know which of twenty it is.
ONE: Final = "The exporter {{ $labels.instance }} of {{ $labels.job }}"
WHICH: Final = "{{ $labels.instance }}"


def alerts(s: Setup) -> tuple[Alert, ...]:
    return (*_process(s), *_polling(s), *_intake(s))


def _process(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    return (
        Alert(
            name=DOWN,
            severity=Severity.CRITICAL,
            expression=_down(t, site),
            hold=t.hold,
            summary="The LeadSquared exporter is down",
            description="Prometheus gets nothing from "
            "{{ if $labels.instance }}{{ $labels.instance }}{{ else if $labels.job }}any instance of {{ $labels.job }}"
            "{{ else }}any LeadSquared exporter{{ end }}: nothing watches its updates.",
            silent=f"for the first {t.hold.span}; once a job that has no target left has been gone for {t.known.span}: it was "
            "removed on purpose; for a target that never answered in a job that has other targets than exporters.",
        ),
        Alert(
            name="LeadSquaredStoreFailing",
            severity=Severity.CRITICAL,
            expression=f"{site.level(f.STORE_UP, operator='min')} == 0",
            hold=t.hold,
            summary=f"The LeadSquared exporter can't write its database: {WHICH}",
            description=f"{ONE} takes nothing in and polls nothing until its database can be written again.",
            silent=f"for the first {t.hold.span}.",
        ),
        Alert(
            name="LeadSquaredConfigReloadFailed",
            severity=Severity.WARNING,
            expression=f"{site.level(f.RELOAD_OK, operator='min')} == 0",
            hold=t.hold,
            summary=f"The LeadSquared exporter could not read its configuration again: {WHICH}",
            description=f"{ONE} goes on with the configuration from before; after a restart it would not start.",
            silent=f"for the first {t.hold.span}.",
        ),
    )


def _down(t: Thresholds, site: Site) -> str:
    """Whatever the job is called. An exporter that was seen is known for a day, and for as long as this alert goes on; of a job
    that has nothing but exporters every target is one. A job in which none answers is down whatever its targets are called,
    unless one of those that were seen answers under another job's name. One of several that is no target any more is not told:
    it was replaced, or scaled away."""
    unreachable = site.process("group", f"{site.samples('up')} == 0")
    here = site.samples(f.BUILD)
    seen = f"last_over_time({site.samples(f.BUILD, window=t.known.span)})"
    alerted = f'alertname="{DOWN}"'
    told = f"last_over_time({site.samples('ALERTS', alerted, window=t.known.span)})"
    known = f"{site.process('group', seen)} or {site.process('group', told)}"
    answering = site.all("count", f"{site.samples('up')} == 1")
    exporters = f"{answering} == {site.all('count', site.all('group', here, *PROCESS))}"
    instances = (
        f"{unreachable}\nand {site.same()}\n({known})\nor\n{unreachable}\nand {site.same_application()}\n({exporters})"
    )
    # Under another name of its job a target goes on as if nothing had been.
    moved = f"on ({', '.join(one for one in (*site.labels, *PROCESS) if one != 'job')})"
    gone = site.all("group", f"{seen} unless {moved} {here}")
    waited_for = f"{site.all('group', told)} and {site.same_application()} {site.all('group', unreachable)}"
    jobs = f"({gone} or {waited_for}) unless {site.same_application()} {site.all('group', here)}"
    return f"{instances}\nor {site.same_application()}\n({jobs})\nor on ()\nabsent({here})"


def _polling(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    return (
        Alert(
            name="LeadSquaredExporterStalled",
            severity=Severity.CRITICAL,
            expression=_stalled(t, site),
            hold=t.hold_long,
            summary=f"The LeadSquared exporter does not poll: {OF}",
            description=f"{ONE} last asked about some update of {OF} {{{{ $value | humanizeDuration }}}} ago, although the "
            "account answers and the budget is free.",
            details=(
                detail(
                    "{} are pending there.",
                    f"sum({f.PENDING.name}{{%s}})",
                    form='printf "%.0f"',
                    labels=(*API, "instance"),
                ),
            ),
            page=listed(state="pending"),
            silent=f"while every update is asked about within {t.stale.span}; where the budget, the account, a 429, the store or "
            "the configuration keeps that exporter from asking: other alerts tell those.",
        ),
        Alert(
            name="LeadSquaredDetectionSlow",
            severity=Severity.WARNING,
            expression=site.all("max", _slow(t, site), *API),
            hold=t.late,
            summary=f"Finishes are noticed late: {OF}",
            description=f"One of ten finishes of {OF} may have been noticed {{{{ $value | humanizeDuration }}}} after it "
            "happened, or later. Durations are off by as much.",
            page=listed(state="pending"),
            silent=f"for the first {t.late.span}, in which an outage or a burst is caught up with; up to {t.few} finishes in "
            f"{t.lately.span}; where LeadSquaredBudgetTooSmall or another alert tells that updates are not asked about.",
        ),
    )


def _stalled(t: Thresholds, site: Site) -> str:
    """Where nothing else explains that this process does not ask: not its budget, the key, the account or the store."""
    here = site.same(*ACCOUNT)
    reasons = (waits(t, site), no_answer(site), told_to_stop(t, site))
    store = f"{site.level(f.STORE_UP, operator='min')} == 0"
    return without(stale(t, site), *((here, reason) for reason in reasons), (site.same(), store))


def _slow(t: Thresholds, site: Site) -> str:
    """In each process: one of twenty that is late would not show in what all of them notice."""
    buckets = site.samples(f.WINDOW, window=t.lately.span, suffix="_bucket")
    late = f"histogram_quantile(0.9, {site.process('sum', f'rate({buckets})', *API, 'le')}) > {t.unnoticed}"
    finished = f"increase({site.samples(f.WINDOW, window=t.lately.span, suffix='_count')})"
    enough = f"{site.process('sum', finished, *API)} > {t.few}"
    staleness = site.samples(f.STALENESS, window=t.late.span)
    told = f"{site.process('max', f'max_over_time({staleness})', *API)} > {t.stale}"
    return without(both(late, enough), (site.same(*API), told))


def _intake(s: Setup) -> tuple[Alert, ...]:
    t, site = s.thresholds, s.site
    return (
        Alert(
            name="LeadSquaredSourceDown",
            severity=Severity.WARNING,
            expression=f"{site.level(f.SOURCE_UP, 'source', 'type', operator='min')} == 0",
            hold=t.hold,
            summary="RequestIDs don't arrive from {{ $labels.source }}",
            description="The source {{ $labels.source }} ({{ $labels.type }}) of {{ $labels.instance }} does not work: updates "
            "that only it would hand in are not watched.",
            silent=f"for the first {t.hold.span}.",
        ),
        Alert(
            name="LeadSquaredGatewayUnrecorded",
            severity=Severity.WARNING,
            expression=f"{increase(site, f.UNRECORDED, t.lately, *ACCOUNT)} > 0",
            hold=AT_ONCE,
            summary="Updates of {{ $labels.account }} pass the gateway unwatched",
            description=f"{{{{ $labels.account }}}}: about {COUNT} submissions passed the gateway in the last {t.lately.span} and "
            "were not recorded, or only later. The page of the account names those that the configuration does not know.",
            page=OF_ACCOUNT,
            silent=f"{t.lately.span} after the last; for calls that are no known submission and whose answer holds no RequestID.",
        ),
    )
