"""Final answers that are known still, so that nobody has to ask for them again."""

from collections.abc import Callable, Set

from cachetools import TTLCache

from exporter.core.request import Record


class Answers:
    """Requests that ended within `ttl` seconds, by RequestID; at most `size` of them."""

    def __init__(self, *, size: int, ttl: float, timer: Callable[[], float]) -> None:
        self._records: TTLCache[str, Record] = TTLCache(maxsize=size, ttl=ttl, timer=timer)

    def among(self, request_ids: Set[str]) -> Set[str]:
        """Those of the RequestIDs that are known here."""
        return {one for one in request_ids if one in self._records} if self._records else set()

    def __len__(self) -> int:
        return len(self._records)

    def keep(self, record: Record) -> None:
        self._records[record.request_id] = record

    def get(self, request_id: str) -> Record | None:
        return self._records.get(request_id)
