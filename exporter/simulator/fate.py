"""What really becomes of a request, which the status API tells only to those who ask."""

from enum import IntEnum
from typing import NamedTuple

from exporter.core.request import Status

IN_QUEUE, SUCCESS, FAILURE, ERROR, OTHER_ERROR = "In-Queue", "Success", "FAILURE", "ERROR", "Error"
IN_PROCESS = "In-Process-Queue"

NO_DATABASE = "Unable to connect to DB"
EXHAUSTED = "Maximum retry attempts reached"

FINAL = {SUCCESS: Status.SUCCESS, FAILURE: Status.FAILURE, ERROR: Status.ERROR, OTHER_ERROR: Status.ERROR}


class Phase(IntEnum):
    """Where a request stands in its queue."""

    WAITING = 0
    RUNNING = 1
    RETRYING = 2
    DONE = 3
    SCRIPTED = 4


class Scene(NamedTuple):
    """What a status answer shows from `after` seconds after the submission on. Status and steps are the vendor's literals."""

    after: float
    status: str
    reason: str | None = None
    current_step: str | None = None
    last_step: str | None = None


Script = tuple[Scene, ...]

WAITING = Scene(0.0, IN_QUEUE, "Request is in queue", IN_PROCESS, None)
RUNNING = Scene(0.0, IN_QUEUE, "Request is being processed", IN_PROCESS, IN_PROCESS)
RETRYING = Scene(0.0, IN_QUEUE, NO_DATABASE, IN_PROCESS, IN_PROCESS)
RETRYING_ERROR = Scene(0.0, ERROR, NO_DATABASE, IN_PROCESS, IN_PROCESS)
DONE = Scene(0.0, SUCCESS, "Request was successfully completed", None, IN_PROCESS)


class Fate:
    """One request. Times are None until they have come; `shown_status` is the vendor's literal of the final `status`.

    waits     (from, to) of every wait for a retry
    body      what was submitted, echoed in its status answers
    """

    __slots__ = (
        "account",
        "api",
        "attempts",
        "body",
        "finished",
        "phase",
        "reason",
        "request_id",
        "script",
        "shown_status",
        "started",
        "submitted",
        "waits",
    )

    def __init__(
        self, *, request_id: str, account: str, api: str, submitted: float, body: bytes, script: Script = ()
    ) -> None:
        self.request_id = request_id
        self.account = account
        self.api = api
        self.submitted = submitted
        self.body = body
        self.script = script
        self.phase = Phase.SCRIPTED if script else Phase.WAITING
        self.started: float | None = None
        self.finished: float | None = None
        self.shown_status: str | None = None
        self.reason: str | None = None
        self.attempts = 0
        self.waits: tuple[tuple[float, float], ...] = ()

    @property
    def status(self) -> Status | None:
        """How it ended, as the `status` label says it; None while it has not."""
        return None if self.shown_status is None else FINAL[self.shown_status]

    def scene(self, now: float, between_retries: Scene) -> Scene:
        """What a status answer shows."""
        if self.phase is Phase.SCRIPTED:
            return self._scripted(now)
        if self.phase is Phase.DONE:
            return Scene(0.0, self.shown_status or SUCCESS, self.reason, None, IN_PROCESS)
        return (WAITING, RUNNING, between_retries)[self.phase]

    def _scripted(self, now: float) -> Scene:
        age = now - self.submitted
        shown = self.script[0]
        for scene in self.script:
            if scene.after <= age:
                shown = scene
        return shown

    def trace(self, origin: float) -> dict[str, object]:
        """One line of a trace: times in seconds after `origin`."""
        finished = None if self.finished is None else self.finished - origin
        return {
            "request_id": self.request_id,
            "account": self.account,
            "api": self.api,
            "submitted": self.submitted - origin,
            "started": None if self.started is None else self.started - origin,
            "finished": finished,
            "status": self.status,
            "retries": [[start - origin, end - origin] for start, end in self.waits],
        }


def finishes(after: float, status: str = SUCCESS, reason: str | None = DONE.reason) -> Script:
    """The script of a request that waits, and ends `after` seconds after its submission."""
    return (WAITING, Scene(after, status, reason, None, IN_PROCESS))
