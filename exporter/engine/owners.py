"""Whose a RequestID is, where it comes for several accounts or APIs."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from exporter.engine.answers import Answers
from exporter.engine.poller import Poller
from exporter.errors import InvalidEntry
from exporter.log import get_logger
from exporter.sources.source import Entry

# Sources look at the same rows again and again; past so many they are told once more.
MOST_TOLD = 100_000

# The source, why its entries do not fit, and how many there are.
Refused = Callable[[str, InvalidEntry, int], None]
_Owner = tuple[str, str]

log = get_logger(__name__)


class Owners:
    """The first account and API that a RequestID comes for have it: LeadSquared gives each one once, so that a second is a mistake
    of who hands it in. It is known, not watched, and told once."""

    def __init__(self, *, pollers: Mapping[str, Poller], answers: Callable[[], Answers], refused: Refused) -> None:
        self._pollers = pollers
        self._answers = answers
        self._refused = refused
        self._told: set[tuple[str, _Owner]] = set()

    def compare(self, source: str, entries: Sequence[Entry]) -> None:
        """What of them was known, and is watched, or was until just now, for another account or API."""
        if sum(len(poller.account.apis) for poller in self._pollers.values()) < 2:
            return
        owners = dict(self._of({entry.request_id for entry in entries}))
        strays = [
            one for one in entries if owners.get(one.request_id, (one.account, one.api)) != (one.account, one.api)
        ]
        if news := [one for one in strays if self._is_news(one)]:
            self._tell(source, news[0], owners[news[0].request_id], len(news))

    def _of(self, names: set[str]) -> Iterator[tuple[str, _Owner]]:
        for name, poller in self._pollers.items():
            table = poller.watch.tracker.table
            for request_id in table.among(names):
                if (slot := table.slot(request_id)) is not None:
                    yield request_id, (name, table.api(slot))
        for request_id in self._answers().among(names):
            if (record := self._answers().get(request_id)) is not None:
                yield request_id, (record.account, record.api)

    def _is_news(self, entry: Entry) -> bool:
        key = entry.request_id, (entry.account, entry.api)
        if key in self._told:
            return False
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told.add(key)
        return True

    def _tell(self, source: str, first: Entry, owner: _Owner, count: int) -> None:
        account, api = owner
        log.warning(
            "RequestIDs are not watched for this account and api: they came for others before",
            source=source,
            account=first.account,
            api=first.api,
            request_id=first.request_id,
            **({"reference": first.reference} if first.reference else {}),
            watched_account=account,
            watched_api=api,
            requests=count,
        )
        told = f"watched for account {account}, api {api}, and not for account {first.account}, api {first.api}"
        self._refused(source, InvalidEntry(f"{first.request_id}: {told}"), count)
