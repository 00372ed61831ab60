"""A decision about one request that has to be durable before it takes effect."""

from typing import NamedTuple

from exporter.core.ledger import Observation, Tally
from exporter.core.request import Outcome, Record, Transition


class Change(NamedTuple):
    """What one answer, deadline or order did to a request.

    The store commits the record, the transition, the tallies and the observations in one transaction; only then does
    the tracker take the change over and the ledger count it. So a scrape never shows what a crash could take back.
    `dates_intake`: the record's `submitted` and `first_seen` take the place of what was told at its intake.
    """

    record: Record
    outcome: Outcome | None = None
    transition: Transition | None = None
    tallies: tuple[Tally, ...] = ()
    observations: tuple[Observation, ...] = ()
    dates_intake: bool = False
