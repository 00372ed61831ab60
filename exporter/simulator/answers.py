"""The documented answers of the seven APIs, and the odd forms that the switches ask for."""

import json
from collections.abc import Callable, Mapping

from exporter.leadsquared.endpoints import Endpoint
from exporter.simulator.fate import SUCCESS, Fate, Scene
from exporter.simulator.options import Options
from exporter.simulator.queue import Figures
from exporter.simulator.reply import JSON, Reply, document, envelope

ACCEPTED = "Request accepted. Please use below request id to check the status"
UNLISTED_STATUS = "In-Progress"
UNLISTED_STEP = "Some-Unlisted-Step"

_CASES: Mapping[str, Callable[[str], str]] = {"upper": str.upper, "lower": str.lower}
_AFFECTED = '{"Status":"Success","Message":{"AffectedRows":1}}'


def submission(request_id: str) -> Reply:
    return Reply(200, JSON, f'{{"Status": "{ACCEPTED}", "RequestID": "{request_id}"}}'.encode())


def queue_metrics(endpoint: Endpoint, figures: Figures) -> Reply:
    return document(
        200,
        {
            "PendingMessages": figures.pending,
            "MaxDelayInSeconds": figures.max_delay,
            endpoint.metrics_rate_key: round(figures.per_minute, 1),
        },
    )


def status(endpoint: Endpoint, fate: Fate, scene: Scene, options: Options, fault: str | None) -> Reply:
    """The status answer of one request as `scene` shows it, with the fault that a status answer can have."""
    if fault == "fault_unlisted_status":
        scene = scene._replace(status=UNLISTED_STATUS)
    elif fault == "fault_unlisted_step":
        scene = scene._replace(current_step=UNLISTED_STEP, last_step=UNLISTED_STEP)
    request_id = fate.request_id if fault != "fault_wrong_id" else "0" * 8 + fate.request_id[8:]
    task = None if fault == "fault_null_status" else _task(endpoint, fate, scene, options)
    return document(200, {**_id(endpoint, request_id, options), "TaskStatus": task})


def unknown(endpoint: Endpoint, request_id: str, options: Options) -> Reply:
    """The answer about a RequestID that nobody knows; what the real one answers is not documented."""
    message = f"Request Id {request_id} not found"
    if options.id_unknown == "null":
        return document(200, {**_id(endpoint, request_id, options), "TaskStatus": None})
    code, exception = {
        "not-found": (404, "MXRequestNotFoundException"),
        "bad-request": (400, "MXInvalidInputException"),
        "server-error": (500, "MXInvalidInputException"),
        "envelope": (200, "MXInvalidInputException"),
    }[options.id_unknown]
    return envelope(code, exception, message)


def _id(endpoint: Endpoint, request_id: str, options: Options) -> dict[str, object]:
    if options.id_key == "missing":
        return {}
    return {endpoint.id_key if options.id_key == "documented" else options.id_key: request_id}


def _task(endpoint: Endpoint, fate: Fate, scene: Scene, options: Options) -> dict[str, object]:
    case = _CASES.get(options.answer_status_case)
    known: dict[str, object] = {
        "TaskType": endpoint.task_type,
        "Status": case(scene.status) if case else scene.status,
    }
    if options.answer_parts == "missing":
        return known
    if options.answer_parts == "null":
        names = ("StatusReason", "TaskCurrentStep", "TaskLastStep", "RequestBody", "Message")
        return {**known, **dict.fromkeys(names)}
    message = _message(endpoint, fate) if scene.status == SUCCESS else None
    return {
        **known,
        "StatusReason": scene.reason,
        "TaskCurrentStep": scene.current_step,
        "TaskLastStep": scene.last_step,
        "RequestBody": _form(fate.body.decode(errors="replace"), options.answer_message),
        "Message": None if message is None else _form(message, options.answer_message),
    }


def _form(text: str, form: str) -> object:
    """JSON inside JSON: as text, as the documentation's samples have it, or as the object that its tables promise."""
    if form == "string":
        return text
    if form == "null":
        return None
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


def _message(endpoint: Endpoint, fate: Fate) -> str:
    if endpoint.name in ("lead_update", "opportunity_update"):
        return _AFFECTED
    return json.dumps({"Status": "Success", "Message": {"Id": fate.request_id[::-1]}})
