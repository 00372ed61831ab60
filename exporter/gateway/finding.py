"""One thing that passed a gateway and that the configuration does not know."""

from dataclasses import dataclass
from enum import StrEnum

PARAMETER = "RequestID"


class Kind(StrEnum):
    """What of it is not known: the path of a submission, the API of one, or the path of a status question."""

    PATH = "path"
    API = "api"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`segments` are those of the path, as they may be told, None where it may not be or there is none. `api` is None where
    nothing tells which it is. `parameter` is the query parameter that had the RequestID. `last` is seconds since the epoch."""

    kind: Kind
    what: str
    segments: tuple[str, ...] | None = None
    api: str | None = None
    parameter: str = PARAMETER
    count: int = 0
    last: float = 0.0

    @property
    def is_submission(self) -> bool:
        return self.kind is not Kind.STATUS
