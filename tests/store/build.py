"""Values for tests of the stores."""

from exporter.core.change import Change
from exporter.core.ledger import Counter, Histogram, Observation, Tally
from exporter.core.request import Progress, Record, State, Status, Submission, Transition

BEGINNING = 1_700_000_000.0
QUEUED = Progress(Status.IN_QUEUE, "none", "none")
DONE = Progress(Status.SUCCESS, "none", "created")


def submission(
    request_id: str, *, account: str = "acme", submitted: float | None = BEGINNING, reference: str | None = None
) -> Submission:
    return Submission(
        request_id=request_id,
        account=account,
        api="lead_update",
        source="push",
        submitted=submitted,
        first_seen=BEGINNING + 1.5,
        reference=reference,
    )


def admitted(request_id: str, sequence: int, *, account: str = "acme", submitted: float | None = BEGINNING) -> Record:
    """The record that the store makes of `submission`."""
    return Record(
        request_id=request_id,
        account=account,
        api="lead_update",
        source="push",
        submitted=submitted,
        first_seen=BEGINNING + 1.5,
        sequence=sequence,
    )


def queued(record: Record, *, time: float) -> Change:
    """The request was seen in the queue."""
    moved = record._replace(progress=QUEUED, polls=record.polls + 1, answered=time, unfinished=time - 0.1)
    return Change(record=moved, transition=Transition(time, QUEUED))


def finished(record: Record, *, time: float, value: float = 2.5) -> Change:
    """The request ended well: its counter and its two observations belong to the same change."""
    ended = record._replace(state=State.FINISHED, progress=DONE, polls=record.polls + 1, answered=time, finished=time)
    labels = (record.account, record.api)
    return Change(
        record=ended,
        transition=Transition(time, DONE),
        tallies=(Tally(Counter.FINISHED, (*labels, "success", "created")),),
        observations=(
            Observation(Histogram.DURATION, (*labels, "success"), value, 5.0, record.request_id, time),
            Observation(Histogram.DETECTION_WINDOW, labels, value / 2, float("inf"), record.request_id, time),
        ),
    )
