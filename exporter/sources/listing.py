"""A list of RequestIDs that is read again and again, and what of it the intake has."""

from collections.abc import AsyncIterable, Sequence

from exporter.core.retention import UNREAD
from exporter.sources.source import Entry

# So often all of a list is handed in again, so that nothing that it still holds is forgotten.
WHOLE_SECONDS = 3600.0


class Listing:
    """What was handed in is remembered as long as the list holds it: the intake would know it too, but would ask the store for
    each. `since` is when all of it was last handed in, or a little before."""

    def __init__(self) -> None:
        self.since = UNREAD
        self._began = UNREAD
        self._handed: set[str] = set()

    def is_due(self, now: float) -> bool:
        """Whether all of the list has to be handed in again; then it is read as if it were new."""
        return now >= self._began + WHOLE_SECONDS

    def begin(self, now: float) -> None:
        """From now on all of it is handed in again."""
        self._began = now
        self._handed = set()

    def fresh(self, entries: Sequence[Entry]) -> list[Entry]:
        """What the intake does not have. `entries` are all that the list holds now."""
        fresh = [entry for entry in entries if entry.request_id not in self._handed]
        self._handed.intersection_update([entry.request_id for entry in entries])
        return fresh

    async def handed_in(self, batches: AsyncIterable[Sequence[Entry]]) -> None:
        """What `fresh` returned, batch after batch as the intake has them, to the last."""
        async for batch in batches:
            self._handed.update(entry.request_id for entry in batch)
        self.since = self._began
