"""Alerts about the exporter itself: is anybody watching?"""

from alerts.accounts import DOWN, told_to_stop
from alerts.alert import API, COUNT, OF, Alert, Severity
from alerts.expressions import BUDGET_WAIT, DETECTION_WINDOW, Samples
from alerts.thresholds import Thresholds
from exporter.config.duration import format_duration
from exporter.metrics import families as f


def alerts(t: Thresholds) -> tuple[Alert, ...]:
    return (*_process(t), *_polling(t), *_intake(t))


def _process(t: Thresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            name="LeadSquaredExporterDown",
            severity=Severity.CRITICAL,
            expression=_down(t),
            hold=t.hold,
            summary="The LeadSquared exporter is down",
            description="Prometheus gets nothing from "
            "{{ if $labels.instance }}{{ $labels.instance }}{{ else if $labels.job }}any instance of {{ $labels.job }}"
            "{{ else }}any LeadSquared exporter{{ end }}: nobody watches its updates.",
        ),
        Alert(
            name="LeadSquaredStoreFailing",
            severity=Severity.CRITICAL,
            expression=f"{Samples(f.STORE_UP).level(operator='min')} == 0",
            hold=t.hold,
            summary="The LeadSquared exporter can't write its database",
            description="The exporter of {{ $labels.job }} takes nothing in and polls nothing until its database can be written "
            "again.",
        ),
        Alert(
            name="LeadSquaredConfigReloadFailed",
            severity=Severity.WARNING,
            expression=f"{Samples(f.RELOAD_OK).level(operator='min')} == 0",
            hold=t.hold,
            summary="The LeadSquared exporter could not read its configuration again",
            description="The exporter of {{ $labels.job }} goes on with the configuration from before; after a restart it would "
            "not start.",
        ),
    )


def _down(t: Thresholds) -> str:
    """Whatever the job is called. A pod that can't be scheduled is no target: then all of its job is gone. A single one of
    several is not told by that, since a pod that was replaced is gone too."""
    here = f.BUILD.name
    known = f"last_over_time({here}[{format_duration(t.known)}])"
    unreachable = f"up == 0 and on (job, instance) {known}"
    gone = f"group by (job, namespace) ({known}) unless on (job, namespace) ({here} or up == 0)"
    return f"{unreachable}\nor\n{gone}\nor on ()\nabsent({here})"


def _polling(t: Thresholds) -> tuple[Alert, ...]:
    window = format_duration(t.lately)
    _, most, _ = DETECTION_WINDOW
    finished = Samples(f.WINDOW)
    enough = finished.without(f"increase({finished.select(suffix='_count')}[{window}])", keep=API)
    return (
        Alert(
            name="LeadSquaredExporterStalled",
            severity=Severity.CRITICAL,
            expression=_stalled(t, window),
            hold=t.hold_long,
            summary=f"The LeadSquared exporter does not poll: {OF}",
            description=f"Some update of {OF} was last asked about {{{{ $value | humanizeDuration }}}} ago, although the account "
            "answers and the budget is free.",
        ),
        Alert(
            name="LeadSquaredDetectionSlow",
            severity=Severity.WARNING,
            expression=f"{most.promql(window=window)} > {t.unnoticed:g}\nand\n{enough} > {t.few:g}",
            hold=t.hold_long,
            summary=f"Finishes are noticed late: {OF}",
            description=f"One of ten finishes of {OF} may have been noticed {{{{ $value | humanizeDuration }}}} after it "
            "happened, or later. Durations are off by as much.",
        ),
    )


def _stalled(t: Thresholds, window: str) -> str:
    """Where nothing else explains that nobody asks: not the budget, the key, the account or the store."""
    waits = f"{BUDGET_WAIT.promql(window=window)} > {t.waiting:g}"
    excused = "".join(f"\nunless ignoring (api)\n{reason}" for reason in (waits, DOWN, told_to_stop(t)))
    store = f"\nunless ignoring (account, api)\n{Samples(f.STORE_UP).level(operator='min')} == 0"
    return f"{Samples(f.STALENESS).level(*API)} > {t.stale:g}{excused}{store}"


def _intake(t: Thresholds) -> tuple[Alert, ...]:
    window = format_duration(t.lately)
    return (
        Alert(
            name="LeadSquaredSourceDown",
            severity=Severity.WARNING,
            expression=f"{Samples(f.SOURCE_UP).level('source', 'type', operator='min')} == 0",
            hold=t.hold,
            summary="RequestIDs don't arrive from {{ $labels.source }}",
            description="The source {{ $labels.source }} ({{ $labels.type }}) does not work: updates that only it would hand in "
            "are not watched.",
        ),
        Alert(
            name="LeadSquaredGatewayUnrecorded",
            severity=Severity.WARNING,
            expression=f"{Samples(f.UNRECORDED).increase(window, 'account')} > 0",
            hold=0.0,
            summary="Updates of {{ $labels.account }} pass the gateway unwatched",
            description=f"{{{{ $labels.account }}}}: about {COUNT} submissions passed the gateway in the last {window} and "
            "were not recorded, or only later. The page of the account names those that the configuration does not know.",
        ),
    )
