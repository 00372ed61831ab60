"""Pages of what is stored, with the times of pending requests by the wall clock as it is set now."""

from collections.abc import Callable
from dataclasses import replace

from exporter.core.request import Record, State
from exporter.engine.wall import Wall
from exporter.store.store import Query, Store

# Of which those that do not fit after all are left out.
CHUNK = 1_000


class Pages:
    """`watched` gives a pending request as memory has it, by the steady clock."""

    def __init__(self, store: Store, *, wall: Wall, watched: Callable[[str], Record | None]) -> None:
        self._store = store
        self._wall = wall
        self._watched = watched

    async def page(self, query: Query) -> list[Record]:
        """Raises StoreError."""
        if not self._wall.was_set:
            return await self._store.page(query)
        if query.stuck_before is None:
            return [self._dated(one) for one in await self._store.page(query)]
        return await self._stuck(query, query.stuck_before)

    async def _stuck(self, query: Query, before: float) -> list[Record]:
        """What was taken in under a clock that was slow is no older for that, nor younger under a fast one."""
        found: list[Record] = []
        wide = replace(query, stuck_before=before + self._wall.furthest_ahead(), limit=CHUNK)
        while len(found) < query.limit:
            stored = await self._store.page(wide)
            found += [one for one in map(self._dated, stored) if _origin(one) < before]
            if len(stored) < CHUNK:
                break
            wide = replace(wide, before=stored[-1].sequence)
        return found[: query.limit]

    def _dated(self, stored: Record) -> Record:
        known = self._watched(stored.request_id) if stored.state is State.PENDING else None
        if known is None:
            return stored
        shown = self._wall.dated_intake(stored, self._wall.on_the_wall(known))
        return stored._replace(submitted=shown.submitted, first_seen=shown.first_seen)


def _origin(record: Record) -> float:
    return record.first_seen if record.submitted is None else record.submitted
