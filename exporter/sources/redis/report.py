"""What an operator hears of messages that are not taken in."""

from collections.abc import Sequence

from exporter.errors import EntryLost, InvalidEntry
from exporter.log import get_logger
from exporter.sources.mistakes import MOST_SHOWN
from exporter.sources.redis.gaps import Gap
from exporter.sources.redis.inlet import Message, Poison
from exporter.sources.source import SourceHealth

log = get_logger(__name__)


class Report:
    """Tells of each message before it is let go of, and once, however often it is read until that succeeds."""

    def __init__(self, source: str, health: SourceHealth) -> None:
        self._source = source
        self._health = health
        self._told: set[str] = set()
        self._told_blind = False

    def poisons(self, poisons: Sequence[Poison], *, moved_to: str) -> None:
        news = [poison for poison in poisons if poison.message.key not in self._told]
        if not news:
            return
        told = [f"{poison.message.where}: {poison.reason}" for poison in news[:MOST_SHOWN]]
        log.warning(
            "entries that do not fit are moved aside",
            source=self._source,
            entries=len(news),
            moved_to=moved_to,
            problem="; ".join(told),
        )
        self._health.refused(self._source, InvalidEntry(told[0]), len(news))
        self._told.update(poison.message.key for poison in news)

    def gone(self, messages: Sequence[Message]) -> None:
        """Delivered, and then no longer there for the one that has to take them in."""
        news = [message for message in messages if message.key not in self._told]
        if not news:
            return
        what = "entries were trimmed or deleted before they were acknowledged"
        problem = "; ".join(message.where for message in news[:MOST_SHOWN])
        log.error(what, source=self._source, entries=len(news), problem=problem)
        self._health.refused(self._source, EntryLost(f"{problem}: {what}"), len(news))
        self._told.update(message.key for message in news)

    def gap(self, gap: Gap) -> None:
        where = f"after {gap.after}, before {gap.before}"
        if gap.count is None:
            what = "entries may have been trimmed or deleted before they were delivered; Redis does not know"
            log.warning(what, source=self._source, problem=where)
            return
        what = "entries were trimmed or deleted before they were delivered"
        log.error(what, source=self._source, entries=gap.count, problem=where)
        self._health.refused(self._source, EntryLost(f"{what}, {where}"), gap.count)

    def blind(self) -> None:
        """Once: nothing is amiss, and nothing will be told when it is."""
        if not self._told_blind:
            log.warning(
                "Redis before version 7 does not tell what it trims before it is delivered", source=self._source
            )
        self._told_blind = True

    def let_go(self, messages: Sequence[Message]) -> None:
        """These are not read again."""
        self._told.difference_update(message.key for message in messages)
