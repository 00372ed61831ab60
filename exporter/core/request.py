"""A request at LeadSquared, as far as the answers about its RequestID have told."""

import re
from enum import StrEnum
from typing import NamedTuple

# LeadSquared's are UUIDs; whatever fits here can stand in a URL, a file and a page as it is.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# What an application may know a request by: an order number, or a path of its own.
REFERENCE = re.compile(r"[A-Za-z0-9._:/#-]{1,128}")
NO_STEP = "none"
OTHER = "other"


class Status(StrEnum):
    """The vendor's status in lower snake case, as the `status` label shows it."""

    UNKNOWN = "unknown"
    IN_QUEUE = "in_queue"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    OTHER = "other"


class State(StrEnum):
    """Where a request stands with us. Finished and abandoned are absorbing."""

    PENDING = "pending"
    FINISHED = "finished"
    ABANDONED = "abandoned"


class Cause(StrEnum):
    """Why a request was abandoned."""

    NOT_FOUND = "not_found"
    EXPIRED = "expired"
    REMOVED = "removed"


class Outcome(StrEnum):
    """What a poll brought: the `outcome` label of `leadsquared_polls_total`."""

    UNCHANGED = "unchanged"
    ADVANCED = "advanced"
    FINISHED = "finished"
    NOT_FOUND = "not_found"
    FAILED = "failed"


class Progress(NamedTuple):
    """What the last answer showed, as label values; steps are `none` where the vendor gave null."""

    status: Status
    current_step: str
    last_step: str


UNSEEN = Progress(Status.UNKNOWN, NO_STEP, NO_STEP)


class Submission(NamedTuple):
    """A RequestID as a source hands it in. Times are seconds since the epoch; `submitted` is None where unknown, `reference` where
    the application told none.

    A tuple, because it takes a third of the time to make.
    """

    request_id: str
    account: str
    api: str
    source: str
    submitted: float | None
    first_seen: float
    reference: str | None = None


class Transition(NamedTuple):
    """A change of progress, and when the answer that showed it arrived."""

    time: float
    progress: Progress


class Record(NamedTuple):
    """All that is known and kept of one request. A tuple, because each first answer and each finish makes two.

    reference         what its application knows it by
    sequence          position in the order of intake, from 1, given by the store
    polls             calls made for it that brought an answer or an error about it
    answered          arrival of the last answer that told its progress; None before the first
    unfinished        sending of the last poll whose answer showed it unfinished: the finish lies after it
    errored           first sight of the ERROR that the last answer still showed; None while it shows something else
    errored_after     sending of the last poll before it that did not show ERROR, or the submission
    failed            ERROR was seen at some time, and counted
    not_found         answers in a row that did not know the RequestID
    reason            bounded reason of the last failure or error
    finished_after    lower bound of the finish
    finished          upper bound of the finish: arrival of the final answer; the time of the giving up when abandoned
    """

    request_id: str
    account: str
    api: str
    source: str
    submitted: float | None
    first_seen: float
    sequence: int
    reference: str | None = None
    state: State = State.PENDING
    progress: Progress = UNSEEN
    polls: int = 0
    answered: float | None = None
    unfinished: float | None = None
    errored: float | None = None
    errored_after: float | None = None
    failed: bool = False
    not_found: int = 0
    reason: str | None = None
    cause: Cause | None = None
    finished_after: float | None = None
    finished: float | None = None


class Report(NamedTuple):
    """What one status answer says, in label form. `reason` is a bounded word for a failure, None otherwise. A tuple, because one
    is made for each poll."""

    status: Status
    current_step: str
    last_step: str
    reason: str | None = None
