"""What an account does and decides, and why, for who looks at the log at its debug level."""

from exporter.core.change import Change
from exporter.core.request import Outcome, Record, Report, State
from exporter.core.watch import Call, Reason, Rest, StatusCall, Watch
from exporter.errors import CallError
from exporter.log import get_logger

log = get_logger(__name__)


class Diary:
    """One account's. While the level is off each call of it costs a look at the level and puts nothing together."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._rested: tuple[Reason, str] | None = None

    def asks(self, call: Call, watch: Watch) -> None:
        if not log.debugging:
            return
        if isinstance(call, StatusCall):
            record = watch.tracker.table.record(call.slot)
            log.debug(
                "polls",
                account=self._account,
                api=call.api,
                request_id=call.request_id,
                reason=watch.policy.reason,
                age=_seconds(call.sent, _origin(record)),
                unpolled=_seconds(call.sent, record.first_seen if record.answered is None else record.answered),
            )
        else:
            log.debug("asks for queue metrics", account=self._account, api=call.api)

    def answered(self, call: StatusCall, report: Report, now: float) -> None:
        if log.debugging:
            log.debug(
                "poll answered",
                account=self._account,
                api=call.api,
                request_id=call.request_id,
                status=report.status,
                current_step=report.current_step,
                last_step=report.last_step,
                took=_seconds(now, call.sent),
            )

    def failed(self, call: Call, error: CallError, watch: Watch, now: float) -> None:
        if log.debugging:
            log.debug(
                "call brought nothing",
                account=self._account,
                api=call.api,
                kind=error.kind,
                took=_seconds(now, call.sent),
                mode=watch.breaker.mode(now),
                **({"request_id": call.request_id} if isinstance(call, StatusCall) else {}),
            )

    def rests(self, rest: Rest, watch: Watch, now: float) -> None:
        """Told when the reason is another one: an account rests after nearly every call."""
        if not log.debugging:
            return
        mode = watch.breaker.mode(now)
        if (rest.reason, mode) != self._rested:
            self._rested = rest.reason, mode
            log.debug(
                "rests",
                account=self._account,
                reason=rest.reason,
                mode=mode,
                seconds=_seconds(rest.until, now),
                pending=len(watch.tracker),
            )

    def decided(self, change: Change) -> None:
        if not log.debugging or (message := _decision(change)) is None:
            return
        record = change.record
        log.debug(
            message,
            account=self._account,
            api=record.api,
            request_id=record.request_id,
            **({"reference": record.reference} if record.reference else {}),
            status=record.progress.status,
            last_step=record.progress.last_step,
            polls=record.polls,
            **_why(record),
        )


def _decision(change: Change) -> str | None:
    if change.record.state is not State.PENDING:
        return f"request {change.record.state}"
    if change.outcome is Outcome.NOT_FOUND:
        return "request not found"
    return None if change.transition is None else "request went on"


def _why(record: Record) -> dict[str, object]:
    told = {
        "reason": record.reason,
        "cause": record.cause,
        "not_found": record.not_found or None,
    }
    age = None if record.finished is None else _seconds(record.finished, _origin(record))
    return {name: value for name, value in {**told, "age": age}.items() if value is not None}


def _origin(record: Record) -> float:
    return record.first_seen if record.submitted is None else record.submitted


def _seconds(later: float, earlier: float) -> float:
    return round(later - earlier, 3)
