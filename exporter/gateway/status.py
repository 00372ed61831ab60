"""Status answers that need no call: the last answer in LeadSquared's own shape."""

from collections.abc import Mapping

from exporter.core.request import NO_STEP, OTHER, Record, State, Status
from exporter.gateway.account import AccountTraffic
from exporter.gateway.recognise import StatusQuestion
from exporter.leadsquared.endpoints import BY_NAME

_STATUSES = {
    Status.IN_QUEUE: "In-Queue",
    Status.SUCCESS: "Success",
    Status.FAILURE: "FAILURE",
    Status.ERROR: "ERROR",
}
_SUCCEEDED = "Request was successfully completed"


async def cached(question: StatusQuestion, traffic: AccountTraffic) -> tuple[dict[str, object], int] | None:
    """The answer and its age in seconds; None where LeadSquared has to be asked."""
    if not question.max_age:
        return None
    record = await traffic.last_answer(question.request_id)
    if record is None or record.answered is None or not _may_be_served(record, question):
        return None
    age = max(0.0, traffic.now() - record.answered)
    if record.state is State.PENDING and age > question.max_age:
        return None
    answer = _answer(record)
    return None if answer is None else (answer, int(age))


def _may_be_served(record: Record, question: StatusQuestion) -> bool:
    """Not where the last answer did not know the RequestID, or where nobody asks any more."""
    return record.api == question.api and not record.not_found and record.state is not State.ABANDONED


def _answer(record: Record) -> dict[str, object] | None:
    """None for what was not kept: a status that is not documented."""
    endpoint, progress = BY_NAME[record.api], record.progress
    status = _STATUSES.get(progress.status)
    if status is None or OTHER in (progress.current_step, progress.last_step):
        return None
    task: Mapping[str, object] = {
        "TaskType": endpoint.task_type,
        "Status": "Error" if record.api == "activity_create_custom" and progress.status is Status.ERROR else status,
        "StatusReason": _SUCCEEDED if progress.status is Status.SUCCESS else record.reason,
        "TaskCurrentStep": _step(progress.current_step),
        "TaskLastStep": _step(progress.last_step),
        "RequestBody": None,
        "Message": None,
    }
    return {endpoint.id_key: record.request_id, "TaskStatus": task}


def _step(name: str) -> str | None:
    """in_process_queue is In-Process-Queue; the vendor's are all written so."""
    return None if name == NO_STEP else "-".join(word.capitalize() for word in name.split("_"))
