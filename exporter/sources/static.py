"""The `static` source: RequestIDs that stand in the configuration itself."""

import asyncio

from exporter.config import settings
from exporter.core.retention import UNREAD
from exporter.errors import InvalidEntry
from exporter.log import get_logger
from exporter.sources.environment import Environment
from exporter.sources.listing import WHOLE_SECONDS
from exporter.sources.source import Entry

log = get_logger(__name__)


class StaticSource:
    """Hands its RequestIDs in, and again once an hour, so that the intake knows them as long as they stand there."""

    def __init__(
        self,
        source: settings.StaticSource,
        environment: Environment,
    ) -> None:
        self.name = source.name
        self._source = source
        self._environment = environment
        self.read_since = UNREAD
        self._delivery = environment.delivery(source)

    async def run(self) -> None:
        try:
            while True:
                await self._hand_in()
                self._environment.health.up(self.name)
                await self._environment.sleep(WHOLE_SECONDS)
        except InvalidEntry as error:
            log.error("static source is refused", source=self.name, error=str(error), details="; ".join(error.details))
            self._environment.health.down(self.name, error)
        await asyncio.Event().wait()

    async def _hand_in(self) -> None:
        began = self._environment.clock.now()
        async for _ in self._delivery.hand_in(self._entries()):
            pass
        self.read_since = began

    def _entries(self) -> list[Entry]:
        source = self._source
        return [
            Entry(
                request_id=request_id,
                account=source.account,
                api=source.api,
                submitted=None,
                where=f"{source.name}.request_ids[{index}]",
            )
            for index, request_id in enumerate(source.request_ids)
        ]
