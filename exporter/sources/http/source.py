"""Fetches the list, and hands in what is new in it."""

from collections.abc import Callable

from exporter.config import settings
from exporter.errors import ExporterError, IntakeError, InvalidEntry, SourceRefused, SourceUnreadable
from exporter.log import get_logger
from exporter.sources import groups
from exporter.sources.backoff import Backoff
from exporter.sources.environment import Environment
from exporter.sources.groups import Terms
from exporter.sources.http.fetch import Fetched, Validators, fetch, shown_url
from exporter.sources.listing import Listing
from exporter.sources.source import Entry

MOST_WAIT = 3600.0

log = get_logger(__name__)


class HttpSource:
    """Asks every interval whether the list has changed, and once an hour for the list whether it has or not. After trouble it asks
    again in 1 s, 2 s, 4 s … a minute."""

    def __init__(self, source: settings.HttpSource, environment: Environment) -> None:
        self.name = source.name
        self._source = source
        self._environment = environment
        self._backoff = Backoff(environment.random)
        self._delivery = environment.delivery(source)
        self._validators = Validators()
        self._listing = Listing()
        self._trouble: str | None = None

    @property
    def read_since(self) -> float:
        return self._listing.since

    async def run(self) -> None:
        while True:
            await self._environment.sleep(await self.ask())

    async def ask(self) -> float:
        """Fetch the list once and take it in; the seconds to wait before the next time."""
        if self._listing.is_due(self._environment.clock.now()):
            self._listing.begin(self._environment.clock.now())
            self._validators = Validators()
        try:
            fetched = await fetch(self._source, self._validators)
            if fetched is not None:
                await self._take(fetched)
        except (SourceUnreadable, IntakeError) as error:
            self._report(error)
            after = error.retry_after if isinstance(error, SourceRefused) else None
            # A list that does not fit was answered in time: it is not asked for more often than one that does.
            least = self._source.interval if isinstance(error, IntakeError) else min(after or 0.0, MOST_WAIT)
            return max(self._backoff.pause(), least)
        self._backoff.reset()
        self._trouble = None
        self._environment.health.up(self.name)
        return self._source.interval

    async def _take(self, fetched: Fetched) -> None:
        terms = self._environment.terms(self._source, file=shown_url(self._source.url))
        entries = await self._environment.in_thread(_parse, fetched, terms)
        await self._listing.handed_in(self._delivery.hand_in(self._listing.fresh(entries)))
        # Only now: what could not be taken in has to come again.
        self._validators = fetched.validators

    def _report(self, error: ExporterError) -> None:
        """Every failure counts; the log tells each one once."""
        if self._trouble != error.in_full:
            log.warning("list can't be used; what was read before stays", source=self.name, problem=error.in_full)
        self._trouble = error.in_full
        self._environment.health.down(self.name, error)


def _parse(fetched: Fetched, terms: Terms) -> list[Entry]:
    """Raises InvalidEntry."""
    try:
        return _reader(fetched)(fetched.body, terms)
    except InvalidEntry as error:
        raise error if error.details else InvalidEntry(f"{terms.file}: {error}") from error


def _reader(fetched: Fetched) -> Callable[[bytes, Terms], list[Entry]]:
    """By the type that the server tells; one that can mean anything is told by how the list begins."""
    if "json" in fetched.content_type:
        return groups.parse_json
    if "yaml" in fetched.content_type:
        return groups.parse_yaml
    if fetched.body.lstrip()[:1] in (b"[", b"{"):
        return groups.parse_json
    return groups.parse_text if fetched.content_type == "text/plain" else groups.parse_yaml
