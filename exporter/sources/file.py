"""The `file` source: files of RequestIDs, watched by looking at them again and again."""

from dataclasses import dataclass, field

from exporter.config import settings
from exporter.core.retention import NOTHING_AGAIN, UNREAD
from exporter.errors import ExporterError, IntakeError, InvalidEntry, SourceUnreadable
from exporter.log import get_logger
from exporter.sources import watched
from exporter.sources.environment import Apis, Environment
from exporter.sources.groups import Terms
from exporter.sources.listing import Listing
from exporter.sources.source import Entry
from exporter.sources.watched import State

INTERVAL = 1.0
# A writer may pause in the middle of a line, as the log source's may.
QUIET_SECONDS = 60.0

log = get_logger(__name__)


@dataclass(slots=True)
class _Seen:
    """What is known of one file.

    state     its state when it was last looked at
    since     when (monotonic) that state was first seen
    settled   it was read in a state that was the same twice in a row, and to its end
    digest    of the content that was last taken in or refused; empty before, and after the file could not be read
    apis      what was configured then; a file that names an account too early is right later
    ahead     how the wall clock was set then; what seemed to lie ahead may be right later
    refers    whether requests might carry a reference then
    listing   what of its RequestIDs the intake has
    trouble   why the content is not used; what was read before stays in use
    """

    state: State | None = None
    since: float = 0.0
    settled: bool = False
    digest: bytes = b""
    apis: Apis | None = None
    ahead: float = 0.0
    refers: bool = False
    listing: Listing = field(default_factory=Listing)
    trouble: ExporterError | None = None


class FileSource:
    """Looks at its files once a second, which needs no library and sees every kind of change on every kind of file system.

    A file may be replaced by renaming, through swapped links (ConfigMaps), or written in place. In the last case it can be
    met half written, and half a RequestID looks like a whole one: JSON and YAML are taken once the file has stayed the same for one
    more look, and a last line without its end once it has done so for a minute.
    """

    def __init__(
        self,
        source: settings.FileSource,
        environment: Environment,
        *,
        interval: float = INTERVAL,
    ) -> None:
        self.name = source.name
        self._source = source
        self._environment = environment
        self._interval = interval
        self._delivery = environment.delivery(source)
        self._files: dict[str, _Seen] = {}
        self._looked = False

    @property
    def read_since(self) -> float:
        if not self._looked:
            return UNREAD
        return min((seen.listing.since for seen in self._files.values()), default=NOTHING_AGAIN)

    async def run(self) -> None:
        while True:
            await self.look()
            await self._environment.sleep(self._interval)

    async def look(self) -> None:
        """One look at all files."""
        found = await self._environment.in_thread(watched.find, self._source.paths)
        self._files = {name: self._files.get(name) or _Seen() for name in found}
        for name, state in found.items():
            await self._look_at(name, state)
        self._looked = True
        if all(seen.digest and not seen.trouble for seen in self._files.values()):
            self._environment.health.up(self.name)

    async def _look_at(self, name: str, state: State | SourceUnreadable) -> None:
        seen = self._files[name]
        if isinstance(state, SourceUnreadable):
            self._report(seen, state)
            return
        if seen.listing.is_due(self._environment.clock.now()):
            # What stands in it is new again, and neither its state nor its content tells that it is known.
            seen.listing.begin(self._environment.clock.now())
            seen.settled, seen.digest = False, b""
        same = state == seen.state
        if same and seen.settled and not self._may_do_better(seen):
            return
        if not same:
            seen.state, seen.since, seen.settled = state, self._environment.monotonic(), False
            if not watched.is_text(name):
                return
        try:
            await self._read(name, seen, same=same)
        except (IntakeError, SourceUnreadable) as error:
            self._report(seen, error)

    def _may_do_better(self, seen: _Seen) -> bool:
        """Whether a file in trouble is worth another reading although it did not change."""
        return isinstance(seen.trouble, SourceUnreadable) or (seen.trouble is not None and self._is_other_now(seen))

    def _is_other_now(self, seen: _Seen) -> bool:
        environment = self._environment
        now = environment.apis(), environment.clock.ahead(), environment.references()
        return (seen.apis, seen.ahead, seen.refers) != now

    async def _read(self, name: str, seen: _Seen, *, same: bool) -> None:
        rests = same and self._environment.monotonic() - seen.since >= QUIET_SECONDS
        content: watched.Content = await self._environment.in_thread(watched.read, name, rests=rests)
        seen.settled = same and content.whole
        if not content.whole and not content.body:
            return
        is_better_now = seen.trouble is not None and self._is_other_now(seen)
        apis = self._environment.apis()
        if content.digest == seen.digest and apis == seen.apis and not is_better_now:
            return
        seen.digest, seen.apis = content.digest, apis
        seen.ahead, seen.refers = self._environment.clock.ahead(), self._environment.references()
        terms = self._environment.terms(self._source, file=name)
        new = await self._environment.in_thread(_take, name, content, terms, seen.listing)
        await seen.listing.handed_in(self._delivery.hand_in(new))
        seen.trouble = None

    def _report(self, seen: _Seen, error: IntakeError | SourceUnreadable) -> None:
        """Once for each trouble, not once a second."""
        if seen.trouble is not None and error.in_full == seen.trouble.in_full:
            return
        seen.trouble = error
        if isinstance(error, SourceUnreadable):
            # What comes back is read anew, even when it is what was there before.
            seen.state, seen.settled, seen.digest = None, False, b""
        log.warning("file can't be used; what was read before stays", source=self.name, problem=error.in_full)
        self._environment.health.down(self.name, error)


def _take(name: str, content: watched.Content, terms: Terms, listing: Listing) -> list[Entry]:
    """What is new. Raises InvalidEntry."""
    try:
        return listing.fresh(watched.parse(name, content, terms))
    except InvalidEntry as error:
        raise error if error.details else InvalidEntry(f"{name}: {error}") from error
