"""What an application says that it knows a submission by."""

from exporter.core.request import REFERENCE
from exporter.errors import UnfitReference
from exporter.http.request import Request
from exporter.log import get_logger
from exporter.sources.groups import REFERENCE_RULE
from exporter.sources.source import SourceHealth

log = get_logger(__name__)


class ReferenceHeader:
    """The header of a gateway that is kept here; None: there is none."""

    def __init__(self, name: str | None, *, source: str, health: SourceHealth) -> None:
        self._name = name
        self._source = source
        self._health = health
        self.kept = frozenset[bytes]() if name is None else frozenset((name.lower().encode(),))

    def of(self, request: Request) -> str | None:
        """The value, where it is one. Another is left out and told, and is none of the application's trouble."""
        values = [value.decode("latin-1") for name, value in request.fields if name.lower() in self.kept]
        if not values:
            return None
        if len(values) == 1 and REFERENCE.fullmatch(values[0]):
            return values[0]
        # It is not repeated: what does not fit may be a lead's name.
        why = f"{self._name}: {REFERENCE_RULE}" if len(values) == 1 else f"{self._name}: is there {len(values)} times"
        log.warning("a submission is recorded without its reference", source=self._source, problem=why)
        self._health.refused(self._source, UnfitReference(why))
        return None
