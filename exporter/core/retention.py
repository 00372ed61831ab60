"""What may be forgotten of what has ended."""

from collections.abc import Iterable
from math import inf

# A source that has not read yet what it may hand in again.
UNREAD = -inf
# A source that hands in nothing again.
NOTHING_AGAIN = inf


def forgotten_before(now: float, *, kept: float, began: float, read_since: Iterable[float]) -> float:
    """Requests that ended, and were last handed in, before this time may be forgotten. `kept` is how many seconds a request is
    remembered at least, and `began` when the process did.

    What a source hands in again has to be known still, or it counts twice. Each source has handed in all that it may hand in again
    at `read_since` or later, so what was known then has to be known until it has read anew. After a start the sources are waited
    for; a source that can't read is waited for as long as a request is remembered anyway, or a disk could fill.
    """
    earliest = min(read_since, default=NOTHING_AGAIN)
    if earliest == UNREAD and now < began + kept:
        return UNREAD
    return max(min(now, earliest), now - kept) - kept
